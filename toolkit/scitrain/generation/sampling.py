"""Draw strings from a language model: many at once, each key and value computed once, finished ones put aside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scitrain.generation.cache import Stepper
from scitrain.generation.gpt import ConditionalGPT
from scitrain.generation.grammar import Grammar, Reading, Words
from scitrain.generation.options import Sampling
from scitrain.training.precision import autocast

__all__ = ["Drawing", "Drawn", "Logits", "begun", "draw", "filtered"]

CROWDED = 0.75
"""Share of unfinished rows below which the finished ones leave the batch; each time the cache is copied."""


class Drawn(NamedTuple):
    """One string."""

    ids: list[int]
    """From the token after [BOS] to the last before [EOS]."""
    log_likelihood: float
    """Σ ln P(token | before, conditions), eos included, at temperature 1 and without grammar."""
    ended: bool
    """False where there was no room to finish."""


@dataclass(frozen=True)
class Drawing:
    """Network, vocabulary and options of draws."""

    model: ConditionalGPT
    words: Words
    grammar: Grammar | None
    sampling: Sampling
    length: int
    """Most tokens of a string, with bos and eos."""
    prefix: tuple[int, ...] = ()
    device: str = "cpu"
    precision: str = "32"

    @property
    def places(self) -> int:
        """Return the room a string needs in the cache."""
        return self.length + (1 if self.model.properties else 0)


def filtered(logits: Tensor, sampling: Sampling) -> Tensor:
    """Return logits (rows, vocabulary) / temperature, −∞ where a token is outside the k likeliest or the share p.

    Nucleus sampling: Holtzman et al. 2020, arXiv:1904.09751; the likeliest token always stays.
    """
    logits = logits / sampling.temperature
    if sampling.top_k is not None and sampling.top_k < logits.shape[-1]:
        least = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if sampling.top_p < 1:
        ranked, order = logits.sort(dim=-1, descending=True)
        p = ranked.softmax(-1)
        out = p.cumsum(-1) - p >= sampling.top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -torch.inf)
    return logits


def draw(
    drawing: Drawing, values: np.ndarray, count: int, seed: int, stop: Callable[[], None] = lambda: None
) -> list[Drawn]:
    """Draw ``count`` strings together.

    Args:
        drawing: Network and options.
        values: Standardised conditions (properties,) of all, or (count, properties) of each; NaN where nothing is asked.
        count: Number of strings.
        seed: Of the draws.
        stop: Called in each step; raises to end.
    """
    with torch.no_grad(), autocast(drawing.precision, drawing.device):
        return _Draws(drawing, values, count, seed).work(stop)


class Logits:
    """Logits of the next token, of rows that are told what is asked and, where those are needed, of rows that are told nothing.

    With guidance g: l = l∅ + g (lc − l∅), Ho and Salimans, arXiv:2207.12598; of a network that forecasts (`Forecast`)
    l = lc + g ln p(asked | before, token), which holds a number better than the contrast of two likelihoods does.
    """

    def __init__(self, drawing: Drawing, values: np.ndarray, count: int) -> None:
        model = drawing.model
        self.model, self.guidance = model, drawing.sampling.guidance
        given = torch.from_numpy(np.broadcast_to(values, (count, model.properties)).copy()).to(drawing.device)
        self.asked = given
        idle = 1.0 if model.forecast is None else 0.0
        self.twice = self.guidance != idle and bool((~torch.isnan(given)).any())
        self.stepper = Stepper(model, count * (2 if self.twice else 1), drawing.places)
        self.stepper.start(torch.cat([given, torch.full_like(given, torch.nan)]) if self.twice else given)

    def step(self, tokens: Tensor) -> Tensor:
        """Return (rows, vocabulary)."""
        if not self.twice:
            return self.stepper.step(tokens)
        states = self.stepper.states(tokens.repeat(2))
        if self.model.forecast is not None:
            told, untold = states.chunk(2)
            logits: Tensor = self.model.body.lm_head(told).float().log_softmax(-1)
            logits += self.guidance * self.model.forecast.likelihood(untold, self.asked)
            return logits
        with_, without = self.model.body.lm_head(states).float().log_softmax(-1).chunk(2)
        guided: Tensor = without + self.guidance * (with_ - without)
        return guided

    def keep(self, rows: Tensor) -> None:
        """Go on with some rows."""
        count = self.stepper.past.shape[2] // 2
        self.asked = self.asked[rows]
        self.stepper.keep(torch.cat([rows, rows + count]) if self.twice else rows)


class _Draws:
    def __init__(self, drawing: Drawing, values: np.ndarray, count: int, seed: int) -> None:
        self.drawing, self.count = drawing, count
        self.generator = torch.Generator(device=drawing.device).manual_seed(seed)
        self.logits = Logits(drawing, values, count)
        self.rows = list(range(count))
        """Number of the string of each row of the batch."""
        self.readings = [begun(drawing) for _ in range(count)]
        self.ids: list[list[int]] = [list(drawing.prefix) for _ in range(count)]
        self.likelihood = np.zeros(count)
        self.ended = np.zeros(count, dtype=bool)

    def work(self, stop: Callable[[], None]) -> list[Drawn]:
        drawing, words = self.drawing, self.drawing.words
        tokens = torch.full((self.count,), words.bos, device=drawing.device)
        for place in range(drawing.length - 1):
            stop()
            logits = self.logits.step(tokens)
            if place < len(drawing.prefix):
                tokens = torch.full_like(tokens, drawing.prefix[place])
                self._count(logits, tokens)
                continue
            tokens = self._next(logits, drawing.length - 1 - place)
            self._count(logits, tokens)
            tokens = self._append(tokens)
            if not len(tokens):
                break
        return [Drawn(self.ids[i], float(self.likelihood[i]), bool(self.ended[i])) for i in range(self.count)]

    def _next(self, logits: Tensor, left: int) -> Tensor:
        allowed = self._allowed(left)
        chosen = filtered(
            logits if allowed is None else logits.masked_fill(~allowed, -torch.inf), self.drawing.sampling
        )
        noise = torch.empty_like(chosen).exponential_(generator=self.generator)
        # the least of exponential clocks rings for a token as often as its probability says
        return (chosen.softmax(-1) / noise).argmax(-1)

    def _allowed(self, left: int) -> Tensor | None:
        readings = [reading for row in self.rows if (reading := self.readings[row]) is not None]
        if not readings:
            return None
        masks = np.stack([reading.allowed(left) for reading in readings])
        return torch.from_numpy(masks).to(self.drawing.device)

    def _count(self, logits: Tensor, tokens: Tensor) -> None:
        told = logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
        self.likelihood[self.rows] += np.where(self.ended[self.rows], 0.0, told.double().cpu().numpy())

    def _append(self, tokens: Tensor) -> Tensor:
        """Take in the tokens, and return those of the rows that go on; many finished rows leave the batch."""
        eos = self.drawing.words.eos
        alive = []
        for at, (row, token) in enumerate(zip(self.rows, tokens.tolist(), strict=True)):
            if token == eos:
                self.ended[row] = True
            elif not self.ended[row]:
                self.ids[row].append(token)
                if (reading := self.readings[row]) is not None:
                    reading.advance(token)
                alive.append(at)
        if len(alive) > CROWDED * len(self.rows):
            return tokens
        rows = torch.tensor(alive, dtype=torch.int64, device=tokens.device)
        self.rows = [self.rows[at] for at in alive]
        if alive:
            self.logits.keep(rows)
        return tokens[rows]


def begun(drawing: Drawing) -> Reading | None:
    """Return the reading of the prefix; None without a grammar."""
    if drawing.grammar is None:
        return None
    reading = drawing.grammar.begin()
    for token in drawing.prefix:
        reading.advance(token)
    return reading
