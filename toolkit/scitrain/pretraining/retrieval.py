"""How often a pretrained network finds the other view of a row among those of other held-out rows."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from scitrain.evaluation.bootstrap import wilson
from scitrain.pretraining.corpus import Corpus
from scitrain.pretraining.network import Pretraining, batch_of
from scitrain.pretraining.objectives import VIEWS

__all__ = ["Retrieval", "found_share", "judge_retrieval"]

POOL, MOST = 256, 4_096
"""Rows among which a view is looked for, and rows that are looked for in all."""


@dataclass(frozen=True)
class Retrieval:
    """How often the likeliest of the other views was the row's own."""

    n: int
    """Rows looked for, each once."""
    pool: int
    """Rows among which each is looked for, itself included."""
    top1: float
    low: float
    high: float
    chance: float
    """1 / pool: to choose blindly."""
    untrained: float
    """The same of the network before it learned: what the views have in common anyway."""


def judge_retrieval(network: Pretraining, untrained: Pretraining, corpus: Corpus, seed: int) -> Retrieval:
    """Draw two views of held-out rows and look for the second by the first, pool by pool; the interval is Wilson's, 95 %.

    All pools are of one size, so that chance is one number; rows that do not fill a pool are not looked for.
    """
    held = np.flatnonzero(corpus.held)[:MOST]
    pool = min(POOL, len(held))
    held = held[: len(held) // pool * pool]
    # another stream than that of `validate`, whose views chose the epoch
    generator = torch.Generator().manual_seed(seed + 1)
    shares: list[list[float]] = [[], []]
    with torch.no_grad():
        for at in range(0, len(held), pool):
            rows = batch_of(torch.from_numpy(np.asarray(corpus.rows[held[at : at + pool]])), "cpu")
            views = [VIEWS[corpus.notation](rows, generator) for _ in range(2)]
            for told, one in zip(shares, (network, untrained), strict=True):
                told.append(found_share(*(one.project(one.vectors(view)).float() for view in views)))
    top1, before = (float(np.mean(told)) for told in shares)
    low, high = wilson(top1, len(held))
    return Retrieval(len(held), pool, top1, low, high, 1 / pool, before)


def found_share(some: Tensor, others: Tensor) -> float:
    """Return the share of rows i of ``some`` (n, width) whose likest of ``others`` (n, width), by cosine, is row i.

    Where k of them are equally like, one of them being i, the row counts 1 / k: a network that says the same of all is at chance.
    """
    likeness = normalize(some, dim=1) @ normalize(others, dim=1).T
    own = likeness.diagonal()[:, None]
    # float32 rounds equal vectors to likenesses that differ in the last digits
    tied = (likeness - own).abs() <= 1e-6
    first = ~((likeness > own) & ~tied).any(1)
    return float((first / tied.sum(1)).mean())
