"""Where each target's numbers lie among the outputs of a network, and what they say."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scitrain.data.options import Task

if TYPE_CHECKING:
    from scitrain.data.prepared import Target

__all__ = ["Slot", "one_hot", "own_labels", "own_task", "slots_of", "width_of"]


class Slot(NamedTuple):
    """Outputs ``start`` to ``end`` of a network: a number, the logit of the positive class, or a logit a class."""

    name: str
    """Of the target."""
    task: Task
    """``regression``, ``binary`` or ``multiclass``."""
    start: int
    end: int


def own_task(target: "Target") -> Task:
    """Return what predicting this target alone is."""
    if target.classes is None:
        return "regression"
    return "binary" if len(target.classes) == 2 else "multiclass"


def slots_of(task: Task, targets: Sequence["Target"]) -> tuple[Slot, ...]:
    """Return a slot a target, side by side; a ``multiclass`` task has one with an output a class, be they two."""
    if task == "multiclass":
        return (Slot(targets[0].name, task, 0, len(targets[0].classes or ())),)
    found, start = [], 0
    for target in targets:
        own = own_task(target)
        end = start + (len(target.classes or ()) if own == "multiclass" else 1)
        found.append(Slot(target.name, own, start, end))
        start = end
    return tuple(found)


def width_of(task: Task, targets: Sequence["Target"]) -> int:
    """Return the number of outputs of all targets together."""
    return slots_of(task, targets)[-1].end


def own_labels(slot: Slot, y: np.ndarray, index: int) -> np.ndarray:
    """Return the labels of one target as its own task has them: float (n, 1), or (n,) class indices, NaN where missing."""
    column = np.asarray(y if y.ndim == 1 else y[:, index], dtype=float)
    column = np.where(column < 0, np.nan, column) if slot.task != "regression" else column
    return column if slot.task == "multiclass" else column[:, None]


def one_hot(slots: Iterable[Slot], y: np.ndarray) -> np.ndarray:
    """Return the classes of mixed targets as columns of 0, 1 and NaN, (n, classes of all); numbers have none."""
    found = []
    for index, slot in enumerate(slots):
        if slot.task == "regression":
            continue
        label = y[:, index]
        classes = range(2) if slot.task == "binary" else range(slot.end - slot.start)
        found += [np.where(np.isnan(label), np.nan, label == k) for k in classes]
    return np.stack(found, axis=1).astype(np.float32)
