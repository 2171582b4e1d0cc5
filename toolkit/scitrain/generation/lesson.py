"""What a language model of strings is taught."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scitrain.generation.corpus import Corpus, padded
from scitrain.generation.gpt import ConditionalGPT
from scitrain.training.feeding import length_batches
from scitrain.training.loop import Batch

__all__ = ["StringLesson"]

MOST_HELD_OUT = 2000
"""Strings whose loss is taken after each epoch."""


@dataclass
class StringLesson:
    """Next tokens of strings in batches of like lengths, and forecasts of their properties; conditions are left out at random.

    A share ``dropout`` of the strings is told nothing, and of the others each property is hidden with half that probability, so that
    a subset may be asked for.
    """

    network: ConditionalGPT
    corpus: Corpus
    pad: int
    batch_size: int
    dropout: float
    seed: int
    respell: Callable[[np.ndarray, int], Tensor] | None = None
    """Other spellings (batch, length) of some rows in an epoch; None takes the strings as they are."""
    probed: Callable[[int], dict[str, float]] = lambda epoch: {}

    def steps(self) -> int:
        """Return the optimiser steps of an epoch."""
        return -(-len(self.corpus.train) // self.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield tokens and conditions."""
        corpus = self.corpus
        for rows in length_batches(corpus.train, corpus.tokens.lengths, self.batch_size, self.seed, epoch, first):
            tokens = self._plain(rows) if self.respell is None else self.respell(rows, epoch)
            yield {"tokens": tokens, "values": torch.from_numpy(corpus.values[rows])}

    def loss(self, batch: Batch) -> Tensor:
        """Return nats a token."""
        values = batch["values"]
        if not self.network.properties:
            return self.network.loss(batch["tokens"], None, self.pad)
        silent = torch.rand(len(values), 1, device=values.device) < self.dropout
        hidden = torch.rand(values.shape, device=values.device) < self.dropout / 2
        if self.network.properties == 1:
            hidden = silent
        return self.network.lesson(batch["tokens"], values.masked_fill(silent | hidden, torch.nan), values, self.pad)

    def size(self, batch: Batch) -> int:
        """Return the number of tokens."""
        return int((batch["tokens"] != self.pad).sum())

    def validate(self) -> float:
        """Return nats a token of held-out strings, told all their conditions."""
        corpus = self.corpus
        rows = corpus.val[:MOST_HELD_OUT]
        rows = rows[np.argsort(corpus.tokens.lengths[rows], kind="stable")]
        device = next(self.network.parameters()).device
        total = count = 0.0
        for start in range(0, len(rows), self.batch_size):
            part = rows[start : start + self.batch_size]
            tokens = self._plain(part).to(device)
            values = torch.from_numpy(corpus.values[part]).to(device) if self.network.properties else None
            weight = float((tokens[:, 1:] != self.pad).sum())
            total += weight * float(self.network.loss(tokens, values, self.pad))
            count += weight
        return total / max(count, 1.0)

    def probe(self, epoch: int) -> dict[str, float]:
        """Return the shares of a small sample."""
        return self.probed(epoch)

    def _plain(self, rows: np.ndarray) -> Tensor:
        return padded(self.corpus.tokens, rows, self.pad)
