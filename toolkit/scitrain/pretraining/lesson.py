"""What a Transformer of formulas or molecules is taught without labels: hidden and next tokens, two views of one thing, properties."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from scitrain.pretraining.corpus import PIECE, Corpus
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.objectives import (
    IGNORED,
    VIEWS,
    Masked,
    contrast,
    frequent,
    mask_tokens,
    next_tokens,
    property_loss,
)
from scitrain.pretraining.options import PretrainingOptions
from scitrain.training.feeding import length_batches, mix
from scitrain.training.loop import Batch

__all__ = ["PretrainingLesson", "hide", "standards"]

MEASURED = 4_096
"""Held-out rows that each epoch is measured on."""
LOOKED_AT = 200_000
"""Rows that say which tokens may replace others."""


@dataclass
class PretrainingLesson:
    """Rows lie on disk; what is hidden and how a thing is seen is drawn for each step from (seed, epoch, step) alone."""

    network: Pretraining
    corpus: Corpus
    options: PretrainingOptions
    told: dict[str, float] = field(default_factory=dict)
    """Weighted held-out loss of each objective, as measured last."""

    def __post_init__(self) -> None:
        corpus = self.corpus
        self.learned, self.held = np.flatnonzero(~corpus.held), np.flatnonzero(corpus.held)[:MEASURED]
        self.centre, self.scale = standards(corpus.labels[self.learned])
        self.replacements = frequent(corpus.rows[self.learned[:LOOKED_AT]], corpus.length)
        self.lengths = _lengths(corpus)
        self.weights = {str(name): weight for name, weight in sorted(self.options.objectives.items()) if weight > 0}

    def steps(self) -> int:
        """Return the optimiser steps of an epoch."""
        return -(-len(self.learned) // self.options.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield rows, and what is asked of them."""
        seed = self.options.seed
        parts = length_batches(self.learned, self.lengths, self.options.batch_size, seed, epoch, first)
        for step, places in enumerate(parts, first):
            yield self._drawn(places, torch.Generator().manual_seed(mix(seed, epoch, step)))

    def loss(self, batch: Batch) -> Tensor:
        """Return the weighted sum of the objectives."""
        return torch.stack(list(self._losses(batch).values())).sum()

    def size(self, batch: Batch) -> int:
        """Return the number of rows."""
        return len(batch["rows"])

    def validate(self) -> float:
        """Return the loss of held-out rows, each time with the same tokens hidden."""
        device = next(self.network.parameters()).device
        generator = torch.Generator().manual_seed(self.options.seed)
        self.told = dict.fromkeys((f"val_{name}" for name in self.weights), 0.0)
        for start in range(0, len(self.held), self.options.batch_size):
            places = self.held[start : start + self.options.batch_size]
            batch = {name: tensor.to(device) for name, tensor in self._drawn(places, generator).items()}
            for name, value in self._losses(batch).items():
                self.told[f"val_{name}"] += float(value) * len(places) / len(self.held)
        return sum(self.told.values())

    def probe(self, epoch: int) -> dict[str, float]:
        """Return the held-out loss of each objective."""
        return self.told

    def _drawn(self, places: np.ndarray, generator: torch.Generator) -> Batch:
        """Draw on the CPU, whose numbers are the same on every machine."""
        rows = torch.from_numpy(np.asarray(self.corpus.rows[places])).long()
        found = {"rows": rows}
        if "contrastive" in self.weights:
            view = VIEWS[self.network.notation]
            found |= {"one": view(rows, generator), "other": view(rows, generator)}
        if "masked" in self.weights:
            hidden = hide(self.network, rows, self.options.mask, self.replacements, generator)
            found |= {"hidden": hidden.ids, "answers": hidden.labels}
        if "properties" in self.weights:
            found["labels"] = torch.from_numpy((self.corpus.labels[places] - self.centre) / self.scale)
        return found

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        losses = {
            "masked": self._masked,
            "causal": self._causal,
            "contrastive": self._contrastive,
            "properties": self._properties,
        }
        return {name: weight * losses[name](batch) for name, weight in self.weights.items()}

    def _masked(self, batch: Batch) -> Tensor:
        answers = batch["answers"]
        asked = answers != IGNORED
        # the head is applied to hidden places alone: it costs as much as a layer
        states = self.network.states(batch["rows"], batch["hidden"])[asked]
        return cross_entropy(self.network.tokens(states).float(), answers[asked])

    def _causal(self, batch: Batch) -> Tensor:
        """Return nats a token that has one before it."""
        rows = batch["rows"]
        answers = next_tokens(self.network.ids(rows))
        asked = answers != IGNORED
        states = self.network.states(rows, causal=True)
        if not bool(asked.any()):  # formulas of one element alone
            return states.sum() * 0.0
        return cross_entropy(self.network.tokens(states[asked]).float(), answers[asked])

    def _contrastive(self, batch: Batch) -> Tensor:
        some, others = (self.network.project(self.network.vectors(batch[name])) for name in ("one", "other"))
        return contrast(some, others)

    def _properties(self, batch: Batch) -> Tensor:
        labels = batch["labels"]
        return property_loss(self.network.properties(self.network.vectors(batch["rows"])).float(), labels)


def hide(network: Pretraining, rows: Tensor, share: float, replacements: Tensor, generator: torch.Generator) -> Masked:
    """Hide some tokens of rows (batch, width)."""
    return mask_tokens(network.ids(rows), share, replacements, generator, network.notation == "composition")


def _lengths(corpus: Corpus) -> np.ndarray:
    """Return the tokens of each row, int32 (n,); piece by piece, for all rows may be more than memory holds."""
    starts = range(0, len(corpus.rows), PIECE)
    counts = [(corpus.rows[start : start + PIECE, : corpus.length] > 0).sum(1, dtype=np.int32) for start in starts]
    return np.concatenate(counts)


def standards(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column, over what is there."""
    there = np.isfinite(labels)
    count = np.maximum(there.sum(0), 1)
    mean = np.where(there, labels, 0).sum(0) / count
    spread = np.sqrt(np.where(there, (labels - mean) ** 2, 0).sum(0) / count)
    return mean.astype(np.float32), np.where(spread > 0, spread, 1).astype(np.float32)
