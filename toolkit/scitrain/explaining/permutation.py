"""Permutation importance: what a metric loses when a feature is shuffled among the rows (doi:10.1023/A:1010933404324)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scitrain.data.options import Task
from scitrain.evaluation.bootstrap import Resampling, replicate
from scitrain.evaluation.metrics import Array, Metric
from scitrain.evaluation.scoring import columns
from scitrain.explaining.importance import Importance, ranked
from scitrain.explaining.layout import Layout

__all__ = ["Shuffling", "permutation_importance"]


@dataclass(frozen=True)
class Shuffling:
    """What is shuffled, and how it is judged."""

    task: Task
    metric: Metric
    target: int
    """Position of the target; 0 for ``multiclass``."""
    predict: Callable[[np.ndarray], np.ndarray]
    """Rows (n, …) to predictions, as `scitrain.evaluation.scoring.columns` takes them."""
    repeats: int = 5
    seed: int = 42


def permutation_importance(
    how: Shuffling,
    layout: Layout,
    x: np.ndarray,
    y: np.ndarray,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> list[Importance]:
    """Return the mean loss of the metric over the repeats, the largest first.

    The interval resamples rows, each with its shuffled predictions, so that the loss is one of pairs.

    Args:
        how: Metric and model.
        layout: Features, each shuffled as one.
        x: (n, …) rows with labels.
        y: Their labels, see `scitrain.evaluation.scoring.columns`.
        tick: Told (features done, features in all).
    """
    rng = np.random.default_rng(how.seed)
    plain = columns(how.task, y, how.predict(x))[how.target]
    shuffled = []
    for feature in range(len(layout.names)):
        own = layout.groups == feature
        if _alike(x, own):
            shuffled.append([plain.prediction])  # shuffling changes nothing: it need not be predicted again
        else:
            said = [how.predict(_shuffle(x, own, rng)) for _ in range(how.repeats)]
            shuffled.append([columns(how.task, y, one)[how.target].prediction for one in said])
        tick(feature + 1, len(layout.names))
    sign = 1.0 if how.metric.higher_is_better else -1.0

    def loss(counts: Array) -> Array:
        best = how.metric.measure(plain.y, plain.prediction, counts)
        worse = [[how.metric.measure(plain.y, one, counts) for one in found] for found in shuffled]
        return np.stack([sign * np.mean([best - one for one in found], axis=0) + 0.0 for found in worse], axis=1)

    intervals = replicate(loss, Resampling(len(plain.y), 500, how.seed)).intervals()
    total = sum(max(one.value or 0.0, 0.0) for one in intervals)
    return ranked(layout.names, intervals, len(plain.y), total)


def _alike(x: np.ndarray, own: np.ndarray) -> bool:
    values = x[:, own]
    return bool(np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True))


def _shuffle(x: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mixed = x.copy()
    mixed[:, own] = x[rng.permutation(len(x))][:, own]
    return mixed
