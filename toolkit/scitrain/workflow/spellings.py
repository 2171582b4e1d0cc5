"""Other spellings of the training rows, for networks that read the text itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scitrain.data.columns import take
from scitrain.data.prepared import Prepared
from scitrain.modalities import MODALITIES
from scitrain.runs import Run
from scitrain.workflow.network import Network

__all__ = ["Rows", "respelled"]

TIMES = 4
"""Spellings added to each training row (Bjerrum 2017, arXiv:1703.07076)."""
MOST_ROWS = 20_000
"""Training rows beyond which the language is learned without help."""


@dataclass(frozen=True)
class Rows:
    """What a network is fitted to."""

    x: np.ndarray
    """(n, …)"""
    y: np.ndarray
    """Labels of the n rows."""
    train: np.ndarray
    """int64 indices of the training rows."""


def respelled(
    prepared: Prepared, network: Network, augment: bool | Literal["auto"] | Sequence[str], seed: int, run: Run
) -> Rows:
    """Add `TIMES` random spellings of each training row where the network tells spellings apart; else change nothing."""
    train = prepared.split["train"]
    plain = Rows(network.x, prepared.y, train)
    writer = network.featuriser.as_written()
    if writer is None or not augment or (augment == "auto" and len(train) > MOST_ROWS):
        return plain
    spelled = MODALITIES[prepared.modality].enumerate(take(prepared.columns, train), TIMES, seed)
    if spelled is None:
        return plain
    more, errors = writer.transform(spelled)
    good = np.array([i for i in range(len(more)) if i not in errors], dtype=np.int64)
    run.decide("spellings", len(good), f"{TIMES} random SMILES of each training row: the network reads the text itself")
    x = np.concatenate([network.x, more[good]])
    y = np.concatenate([prepared.y, np.repeat(prepared.y[train], TIMES, axis=0)[good]])
    return Rows(x, y, np.concatenate([train, np.arange(len(network.x), len(x))]))
