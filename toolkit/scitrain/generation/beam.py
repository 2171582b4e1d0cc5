"""Beam search: the likeliest strings, and no draws."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from scitrain.generation.grammar import Reading
from scitrain.generation.sampling import Drawing, Drawn, Logits, begun
from scitrain.training.precision import autocast

__all__ = ["beam_search"]


def beam_search(drawing: Drawing, values: np.ndarray, stop: Callable[[], None] = lambda: None) -> list[Drawn]:
    """Return the likeliest strings that a beam of ``sampling.beams`` finds, likeliest first; no randomness.

    A string is ranked by Σ ln P(token); it ends when no unfinished one can overtake the finished ones.
    """
    with torch.no_grad(), autocast(drawing.precision, drawing.device):
        return _Beam(drawing, values).work(stop)


class _Beam:
    def __init__(self, drawing: Drawing, values: np.ndarray) -> None:
        self.drawing, self.width = drawing, drawing.sampling.beams
        self.logits = Logits(drawing, values, 1)
        self.score = torch.zeros(1, dtype=torch.float64)
        self.ids: list[list[int]] = [list(drawing.prefix)]
        self.readings: list[Reading | None] = [begun(drawing)]
        self.done: list[Drawn] = []

    def work(self, stop: Callable[[], None]) -> list[Drawn]:
        drawing = self.drawing
        tokens = torch.tensor([drawing.words.bos], device=drawing.device)
        for place in range(drawing.length - 1):
            stop()
            told = self.logits.step(tokens).log_softmax(-1).double().cpu()
            if place < len(drawing.prefix):
                tokens = torch.tensor([drawing.prefix[place]], device=drawing.device)
                self.score += told[:, tokens[0]]
                continue
            tokens = self._grow(told, drawing.length - 1 - place)
            if not len(tokens):
                break
        self.done += [Drawn(ids, score, False) for ids, score in zip(self.ids, self.score.tolist(), strict=True)]
        return sorted(self.done, key=lambda one: (one.ended, one.log_likelihood), reverse=True)[: self.width]

    def _grow(self, told: Tensor, left: int) -> Tensor:
        """Add one token to the best beams; return the tokens of those that go on."""
        total = self.score[:, None] + told
        if self.readings[0] is not None:
            masks = np.stack([reading.allowed(left) for reading in self.readings if reading is not None])
            total = total.masked_fill(~torch.from_numpy(masks), -torch.inf)
        best = total.flatten().topk(min(2 * self.width, total.numel()))
        eos = self.drawing.words.eos
        going: list[tuple[int, int, float]] = []
        for score, at in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            row, token = divmod(at, total.shape[1])
            if score == -np.inf or len(going) == self.width:
                break
            if token == eos:
                self.done.append(Drawn(self.ids[row], score, True))
            else:
                going.append((row, token, score))
        return self._go_on(going if not self._settled(going) else [])

    def _settled(self, going: list[tuple[int, int, float]]) -> bool:
        """Tell whether the finished strings are as likely as anything that is still unfinished."""
        finished = sorted((one.log_likelihood for one in self.done), reverse=True)
        return bool(going) and len(finished) >= self.width and finished[self.width - 1] >= going[0][2]

    def _go_on(self, going: list[tuple[int, int, float]]) -> Tensor:
        rows = torch.tensor([row for row, _, _ in going], dtype=torch.int64, device=self.drawing.device)
        self.ids = [[*self.ids[row], token] for row, token, _ in going]
        self.readings = [_twin(self.readings[row]) for row, _, _ in going]
        for reading, (_, token, _) in zip(self.readings, going, strict=True):
            if reading is not None:
                reading.advance(token)
        self.score = torch.tensor([score for _, _, score in going], dtype=torch.float64)
        if going:
            self.logits.keep(rows)
        return torch.tensor([token for _, token, _ in going], dtype=torch.int64, device=self.drawing.device)


def _twin(reading: Reading | None) -> Reading | None:
    return None if reading is None else reading.copy()
