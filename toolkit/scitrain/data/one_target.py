"""One of several targets by itself: its labelled rows in the same split."""

from dataclasses import replace

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.data.slots import own_labels

__all__ = ["one_target"]


def one_target(prepared: Prepared, index: int) -> Prepared:
    """Return the task of predicting one target alone: rows keep their numbers, those without its label leave the split."""
    slot = prepared.slots[index]
    own = own_labels(slot, prepared.y, index)
    known = np.isfinite(own.reshape(len(own), -1)[:, 0])
    y = np.where(known, own, -1).astype(np.int64) if slot.task == "multiclass" else own.astype(np.float32)
    split = {part: rows[known[rows]] for part, rows in prepared.split.items()}
    return replace(prepared, task=slot.task, targets=(prepared.targets[index],), y=y, split=split)
