"""Rows with the same input: count them, merge their labels, find those that disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from scitrain.data.columns import as_arrow

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
    identity: np.ndarray, y: np.ndarray, numeric: Sequence[bool], policy: Literal["merge", "keep", "drop_conflicts"]
) -> Merged:
    """Deal with rows that share an input.

    ``merge`` takes the mean of numbers and the majority of classes (an even vote of a row's only label drops the input);
    ``keep`` changes nothing; ``drop_conflicts`` drops inputs whose labels disagree and merges the others.

    Args:
        identity: int64 (n,), numbers 0…m−1 by input.
        y: Labels as in `Prepared`.
        numeric: By target, whether its labels are numbers: their mean is taken, of classes the majority.
        policy: What to do.
    """
    first = np.unique(identity, return_index=True)[1]
    count = np.bincount(identity, minlength=len(first))
    several = count > 1
    disagree = _disagree(identity, y, numeric, len(first)) & several
    facts = (int(several.sum()), int(disagree.sum()))
    if policy == "keep" or not several.any():
        return Merged(np.arange(len(identity)), y, {}, {}, *facts)
    merged, tied = _voted(identity, y, numeric, len(first))
    gone = disagree if policy == "drop_conflicts" else tied & several
    keep = np.sort(first[~gone])
    rest = np.setdiff1d(np.arange(len(identity)), first)
    conflicting = {int(i): int(first[identity[i]]) for i in np.flatnonzero(gone[identity])}
    twin = {int(i): int(first[identity[i]]) for i in rest if int(i) not in conflicting}
    return Merged(keep, merged[identity[keep]], twin, conflicting, *facts)


def _disagree(identity: np.ndarray, y: np.ndarray, numeric: Sequence[bool], m: int) -> np.ndarray:
    """Return bool (m,): the labels of an input lie apart."""
    apart = np.zeros(m, dtype=bool)
    for column, is_number in zip(_columns(y), numeric, strict=True):
        known = _known(column, is_number)
        if not known.any():
            continue
        low, high = np.full(m, np.inf), np.full(m, -np.inf)
        np.minimum.at(low, identity[known], column[known])
        np.maximum.at(high, identity[known], column[known])
        allowed = DISAGREE * float(np.std(column[known])) if is_number else 0.0
        apart |= high - low > allowed
    return apart


def _columns(y: np.ndarray) -> np.ndarray:
    return y.reshape(len(y), -1).astype(np.float64).T


def _known(column: np.ndarray, is_number: bool) -> np.ndarray:
    found: np.ndarray = ~np.isnan(column) if is_number else column >= 0
    return found


def _voted(identity: np.ndarray, y: np.ndarray, numeric: Sequence[bool], m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of each input, shaped and typed as ``y``, and bool (m,): none was left, since all votes were even."""
    found = [
        (_mean if is_number else _majority)(identity, column, m)
        for column, is_number in zip(_columns(y), numeric, strict=True)
    ]
    labels = np.stack(found, axis=1)
    nothing = np.asarray(np.isnan(labels).all(axis=1))
    if y.ndim == 1:
        return np.nan_to_num(labels[:, 0], nan=-1).astype(y.dtype), nothing
    return labels.astype(y.dtype), nothing


def _mean(identity: np.ndarray, column: np.ndarray, m: int) -> np.ndarray:
    """Return the mean of the known labels (m,), NaN where there is none."""
    known = ~np.isnan(column)
    total, count = np.zeros(m), np.zeros(m)
    np.add.at(total, identity[known], column[known])
    np.add.at(count, identity[known], 1)
    mean: np.ndarray = np.divide(total, count, out=np.full(m, np.nan), where=count > 0)
    return mean


def _majority(identity: np.ndarray, column: np.ndarray, m: int) -> np.ndarray:
    """Return the most frequent label (m,), NaN where votes were even or nobody voted."""
    known = column >= 0
    votes = np.zeros((m, int(column[known].max(initial=0)) + 1), dtype=np.int32)
    np.add.at(votes, (identity[known], column[known].astype(np.int64)), 1)
    best = votes.max(axis=1, keepdims=True)
    clear = ((votes == best).sum(axis=1) == 1) & (best[:, 0] > 0)
    return np.where(clear, votes.argmax(axis=1), np.nan)
