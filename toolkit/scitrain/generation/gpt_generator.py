"""Generators that write strings token by token."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from scitrain.errors import ScitrainError
from scitrain.generation import sampling as strings
from scitrain.generation.beam import beam_search
from scitrain.generation.conditions import standardised
from scitrain.generation.config import GeneratorConfig, Known
from scitrain.generation.corpus import padded
from scitrain.generation.generator import Drawn, Generator, Tuning
from scitrain.generation.gpt import ConditionalGPT, load_gpt
from scitrain.generation.languages import LANGUAGES, Language, Settled
from scitrain.generation.options import Sampling
from scitrain.generation.sampling import Drawing, draw
from scitrain.tokenizers import Tokens
from scitrain.training.adamw import AdamW
from scitrain.training.feeding import length_batches, mix
from scitrain.training.precision import autocast

__all__ = ["GptGenerator", "load_gpt_generator"]

WRITTEN = {"selfies": "SELFIES", "kekule": "the beginning of a molecule with double bonds in its rings"}
"""What a prefix may fail to be."""


class GptGenerator(Generator):
    """A conditional GPT-2, its language, and what it may draw."""

    def __init__(self, config: GeneratorConfig, known: Known, model: ConditionalGPT, language: Language) -> None:
        self.config, self.known, self.model, self.language = config, known, model, language
        self.words = language.words(config.known)
        self.grammar = language.grammar(self.words)
        self.precision = "32"
        """Arithmetic of draws."""

    def draw(
        self, count: int, values: np.ndarray, sampling: Sampling, seed: int, stop: Callable[[], None] = lambda: None
    ) -> list[Drawn]:
        """Draw ``count`` strings, or search the likeliest."""
        drawing = self.drawing(sampling)
        self.model.eval()
        found = (
            beam_search(drawing, values, stop)[:count]
            if sampling.beams > 1
            else draw(drawing, values, count, seed, stop)
        )
        return [self.written(one) for one in found]

    def written(self, one: strings.Drawn) -> Drawn:
        """Return a drawn string as SMILES or formula."""
        text = self.language.written(self.language.text(one.ids))
        return Drawn(text, one.log_likelihood, one.ended or self.language.always_whole)

    def drawing(self, sampling: Sampling) -> Drawing:
        """Return what `sampling.draw` needs.

        Raises:
            ScitrainError: The prefix cannot be written, or leaves no room.
        """
        prefix = self._prefix(sampling.prefix)
        device = str(next(self.model.parameters()).device.type)
        grammar = self.grammar if sampling.constrained else None
        length = self.config.length
        return Drawing(self.model, self.words, grammar, sampling, length, prefix, device, self.precision)

    def settle(self, text: str) -> Settled:
        """Return what a draw, written as SMILES or formula, is."""
        return LANGUAGES["smiles"]().settle(text) if self.config.kind == "smiles" else self.language.settle(text)

    def tune(self, texts: Sequence[str], properties: Mapping[str, Sequence[float]] | None, tuning: Tuning) -> float:
        """Go on by plain AdamW at a constant rate."""
        tokens, values = self._material(texts, properties)
        optimizer = AdamW(self.model.parameters(), lr=tuning.learning_rate, weight_decay=0.01, fused=True)
        rows, losses = np.arange(len(tokens)), [float("nan")]
        device = next(self.model.parameters()).device
        self.model.train()
        with torch.random.fork_rng():
            for epoch in range(tuning.epochs):
                torch.manual_seed(mix(tuning.seed, epoch))
                losses = []
                for part in length_batches(rows, tokens.lengths, tuning.batch_size, tuning.seed, epoch):
                    told = torch.from_numpy(values[part]).to(device) if self.model.properties else None
                    with autocast(self.precision, device.type):
                        loss = self.model.loss(padded(tokens, part, self.words.pad).to(device), told, self.words.pad)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                    optimizer.step()
                    losses.append(float(loss.detach()))
        self.model.eval()
        return float(np.mean(losses))

    def save_weights(self, folder: Path) -> None:
        """Write transformers' own files."""
        self.model.save(folder)
        self.language.tokenizer.save_pretrained(folder)

    def _material(
        self, texts: Sequence[str], properties: Mapping[str, Sequence[float]] | None
    ) -> tuple[Tokens, np.ndarray]:
        given = properties or {}
        none = [np.nan] * len(texts)
        columns = [given.get(condition.name, none) for condition in self.config.conditions]
        values = np.array(columns, dtype=np.float64).reshape(len(columns), len(texts)).T
        spelled = self.language.spell_all(list(texts))
        ids = self.language.ids([text or "" for text in spelled])
        said = np.array([bool(text) for text in spelled], dtype=np.bool_)
        good = np.flatnonzero(said & (ids.lengths <= self.config.length))
        if not len(good):
            raise ScitrainError(
                f"none of the {len(texts)} strings can be learned: expected {self.config.kind} of at most {self.config.length} tokens"
            )
        return ids.chosen(good), standardised(self.config.conditions, values[good])

    def _prefix(self, text: str) -> tuple[int, ...]:
        if not text:
            return ()
        spelled = self.language.begin(text)
        if spelled is None:
            raise ScitrainError(
                f"prefix={text!r} cannot be written as {WRITTEN[self.language.notation]}: give a whole SMILES, such as a scaffold's"
            )
        ids = self.language.ids([spelled]).flat[1:-1].tolist()
        strange = [self.words.tokens[i] for i in ids if i not in self.words.known]
        if strange:
            raise ScitrainError(
                f"prefix={text!r} has {', '.join(map(repr, dict.fromkeys(strange)))}, which no training string has; leave it out"
            )
        if len(ids) > self.config.length - 3:
            raise ScitrainError(
                f"prefix={text!r} has {len(ids)} tokens; the longest training string has {self.config.length - 2}: shorten it"
            )
        return tuple(ids)


def load_gpt_generator(config: GeneratorConfig, known: Known, folder: Path) -> GptGenerator:
    """Read what `GptGenerator.save_weights` wrote."""
    from scitrain.tokenizers import load

    language = LANGUAGES[config.notation]()
    language.tokenizer = load(folder)
    return GptGenerator(config, known, load_gpt(folder, len(config.conditions)), language)
