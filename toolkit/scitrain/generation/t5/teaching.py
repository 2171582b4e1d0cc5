"""Teach a MatT5."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from transformers import T5ForConditionalGeneration

from scitrain.errors import DataError
from scitrain.generation.corpus import LONGEST, padded
from scitrain.generation.options import GeneratorOptions
from scitrain.generation.planning import choose_pacing, choose_size
from scitrain.generation.t5.network import build_t5, nats
from scitrain.generation.t5.pairs import Pairs, Parts, divided_by_system
from scitrain.generation.t5.tokens import learn_tokens
from scitrain.generation.t5.writer import MatT5, WriterConfig
from scitrain.generation.teaching import BATCH, RATE, learning_key
from scitrain.runs import Run
from scitrain.tokenizers import Tokens
from scitrain.training.feeding import length_batches, mix
from scitrain.training.loop import Batch, Learned, learn

__all__ = ["PairLesson", "TaughtWriter", "teach_writer"]


@dataclass(frozen=True)
class TaughtWriter:
    """A MatT5, and how it came about."""

    writer: MatT5
    learned: Learned
    pairs: Pairs
    parts: Parts


@dataclass
class PairLesson:
    """Texts of formulas, in batches of like lengths."""

    network: T5ForConditionalGeneration
    formulas: Tokens
    texts: Tokens
    parts: Parts
    pad: int
    batch_size: int
    seed: int

    def steps(self) -> int:
        """Return the optimiser steps of an epoch."""
        return -(-len(self.parts.train) // self.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield formulas and texts."""
        for rows in length_batches(self.parts.train, self.texts.lengths, self.batch_size, self.seed, epoch, first):
            yield self._batch(rows)

    def loss(self, batch: Batch) -> Tensor:
        """Return nats a token."""
        return nats(self.network, batch["formulas"], batch["texts"], self.pad)

    def size(self, batch: Batch) -> int:
        """Return the number of tokens that are written."""
        return int((batch["texts"][:, 1:] != self.pad).sum())

    def validate(self) -> float:
        """Return nats a token of held-out rows."""
        total = count = 0.0
        for start in range(0, len(self.parts.val), self.batch_size):
            batch = self._batch(self.parts.val[start : start + self.batch_size])
            there = {name: ids.to(self.network.device) for name, ids in batch.items()}
            weight = self.size(batch)
            total, count = total + weight * float(self.loss(there)), count + weight
        return total / max(count, 1.0)

    def probe(self, epoch: int) -> dict[str, float]:
        """Return nothing: the loss says it."""
        del epoch
        return {}

    def _batch(self, rows: np.ndarray) -> Batch:
        return {"formulas": padded(self.formulas, rows, self.pad), "texts": padded(self.texts, rows, self.pad)}


def teach_writer(options: GeneratorOptions, pairs: Pairs, run: Run) -> TaughtWriter:
    """Divide, learn tokens of the training rows, teach and return a MatT5.

    Raises:
        DataError: There are too few rows, or a text is too long.
    """
    parts = divided_by_system(pairs.formulas, options.seed)
    sizes = f"{len(parts.train):,} to learn from, {len(parts.val):,} to stop by, {len(parts.test):,} to test"
    run.decide("split", sizes, "whole chemical systems, drawn at random: near relatives of a test row teach nothing")
    texts = [pairs.text(row) for row in range(len(pairs.formulas))]
    tokenizer = learn_tokens(text for row in parts.train for text in (pairs.formulas[row], texts[row]))
    pad = tokenizer.pad_token_id
    formulas, written = (Tokens.of(tokenizer(list(some))["input_ids"]) for some in (pairs.formulas, texts))
    if written.lengths.max() > LONGEST:
        row = int(written.lengths.argmax())
        raise DataError(
            f"the text of {pairs.formulas[row]} has {written.lengths[row]:,} tokens, at most {LONGEST} are written; shorten it, or name "
            "other columns in writes"
        )
    pacing, decisions = choose_pacing(options, "formula", len(parts.train), RATE, 0.0)
    size, why = choose_size(options, len(parts.train), pacing.device)
    run.decide_all([*decisions, why])
    specials = tokenizer.bos_token_id, tokenizer.eos_token_id, pad
    layout = size.layers, size.width, size.heads
    model = build_t5(len(tokenizer), specials, layout, options.dropout, mix(options.seed, 1))
    config = WriterConfig(
        column=pairs.column,
        writes=pairs.columns,
        length=int(written.lengths.max()),
        rows=len(pairs.formulas),
        source=pairs.source,
    )
    lesson = PairLesson(model, formulas, written, parts, pad, options.batch_size or BATCH, options.seed)
    learned = learn(lesson, pacing, run, learning_key(options, config, formulas.flat, written.flat))
    model.cpu()
    return TaughtWriter(MatT5(config, model, tokenizer), learned, pairs, parts)
