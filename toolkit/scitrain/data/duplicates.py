"""Rows with the same input: count them, merge their labels, find those that disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from scitrain.data.columns import as_arrow
from scitrain.data.options import Task

__all__ = ["DISAGREE", "Merged", "codes", "merge"]

DISAGREE = 0.1
"""Labels of one input disagree where they lie further apart than this share of the target's standard deviation."""


@dataclass(frozen=True)
class Merged:
    """What is left when rows with the same input have been dealt with."""

    keep: np.ndarray
    """int64 (m,): rows that stay, in order."""
    y: np.ndarray
    """Labels of those rows."""
    twin: dict[int, int]
    """Row that goes because it repeats an input, to the row that stands for it."""
    conflicting: dict[int, int]
    """Row that goes because its label disagrees, to the first row with that input."""
    groups: int
    """Inputs that occur more than once."""
    conflicts: int
    """… whose labels disagree."""


def codes(keys: Sequence[str]) -> np.ndarray:
    """Return int64 (n,): equal keys share a number, given in the order of their first row."""
    encoded = as_arrow(keys).dictionary_encode()
    return np.asarray(pa.array(encoded.indices).cast(pa.int64()))


def merge(
    identity: np.ndarray, y: np.ndarray, task: Task, policy: Literal["merge", "keep", "drop_conflicts"]
) -> Merged:
    """Deal with rows that share an input.

    ``merge`` takes the mean of numbers and the majority of classes (an even vote of a row's only label drops the input);
    ``keep`` changes nothing; ``drop_conflicts`` drops inputs whose labels disagree and merges the others.

    Args:
        identity: int64 (n,), numbers 0…m−1 by input.
        y: Labels as in `Prepared`.
        task: Decides between mean and majority.
        policy: What to do.
    """
    first = np.unique(identity, return_index=True)[1]
    count = np.bincount(identity, minlength=len(first))
    several = count > 1
    disagree = _disagree(identity, y, task, len(first)) & several
    facts = (int(several.sum()), int(disagree.sum()))
    if policy == "keep" or not several.any():
        return Merged(np.arange(len(identity)), y, {}, {}, *facts)
    vote = _majority if task != "regression" else _mean
    merged, tied = vote(identity, y, len(first))
    gone = disagree if policy == "drop_conflicts" else tied & several
    keep = np.sort(first[~gone])
    rest = np.setdiff1d(np.arange(len(identity)), first)
    conflicting = {int(i): int(first[identity[i]]) for i in np.flatnonzero(gone[identity])}
    twin = {int(i): int(first[identity[i]]) for i in rest if int(i) not in conflicting}
    return Merged(keep, merged[identity[keep]], twin, conflicting, *facts)


def _disagree(identity: np.ndarray, y: np.ndarray, task: Task, m: int) -> np.ndarray:
    """Return bool (m,): the labels of an input lie apart."""
    columns = y.reshape(len(y), -1).astype(np.float64)
    columns = np.where(columns < 0, np.nan, columns) if task == "multiclass" else columns
    apart = np.zeros(m, dtype=bool)
    for column in columns.T:
        known = ~np.isnan(column)
        if not known.any():
            continue
        low, high = np.full(m, np.inf), np.full(m, -np.inf)
        np.minimum.at(low, identity[known], column[known])
        np.maximum.at(high, identity[known], column[known])
        allowed = DISAGREE * float(np.std(column[known])) if task == "regression" else 0.0
        apart |= high - low > allowed
    return apart


def _mean(identity: np.ndarray, y: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the known labels, float32 (m, targets); no mean is tied."""
    known = ~np.isnan(y)
    total, count = np.zeros((m, y.shape[1])), np.zeros((m, y.shape[1]))
    np.add.at(total, identity, np.where(known, y, 0.0))
    np.add.at(count, identity, known)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean.astype(np.float32), np.zeros(m, dtype=bool)


def _majority(identity: np.ndarray, y: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the most frequent label, and bool (m,): no label was left, since votes were even."""
    if y.ndim == 1:
        classes = int(y.max()) + 1
        votes = np.zeros((m, classes), dtype=np.int32)
        np.add.at(votes, (identity, y), 1)
        best = votes.max(axis=1, keepdims=True)
        return votes.argmax(axis=1), np.asarray((votes == best).sum(axis=1) > 1)
    mean, _ = _mean(identity, y, m)
    label = np.where(np.isnan(mean) | (mean == 0.5), np.nan, mean > 0.5).astype(np.float32)
    return label, np.asarray(np.isnan(label).all(axis=1))
