"""How much each feature matters over many rows, with intervals from resampled rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.evaluation.bootstrap import Interval, Resampling, replicate

__all__ = ["Importance", "mean_absolute", "ranked"]

MOST = 200
"""Features that get an interval: those with the largest values."""


@dataclass(frozen=True)
class Importance:
    """One feature over all rows looked at."""

    feature: str
    value: float
    """Mean |attribution| in the unit of the prediction, or the loss of the metric when it is shuffled."""
    low: float | None
    """Lower end of the 95 % interval; None with a single row."""
    high: float | None
    share: float
    """Of the sum over all features; negative losses count as none."""


def mean_absolute(names: Sequence[str], values: np.ndarray, seed: int = 42) -> list[Importance]:
    """Return the mean |attribution| of the features of ``values`` (n, features), the largest first."""
    sizes = np.abs(values)
    means = sizes.mean(axis=0)
    top = np.argsort(-means, kind="stable")[:MOST]
    some = sizes[:, top]
    found = replicate(
        lambda counts: counts @ some / counts.sum(axis=1, keepdims=True), Resampling(len(sizes), seed=seed)
    )
    return ranked([names[i] for i in top], found.intervals(), len(sizes), float(means.sum()))


def ranked(names: Sequence[str], intervals: Sequence[Interval], n: int, total: float) -> list[Importance]:
    """Return the features, the largest value first; one whose resamples are all equal has an interval without width."""
    found = []
    for name, interval in zip(names, intervals, strict=True):
        value = 0.0 if interval.value is None else interval.value
        low, high = interval.low, interval.high
        if low is None and n > 1 and interval.value is not None:
            low = high = value
        found.append(Importance(name, value, low, high, max(value, 0.0) / total if total > 0 else 0.0))
    return sorted(found, key=lambda one: -one.value)
