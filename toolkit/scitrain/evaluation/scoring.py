"""Metrics of predictions of several targets with missing labels, with intervals and paired differences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.data.options import Task
from scitrain.data.slots import Slot, own_labels
from scitrain.errors import DataError
from scitrain.evaluation.bootstrap import Interval, Replicates, Resampling, replicate, wilson
from scitrain.evaluation.metrics import Array, Metric, metrics_for

__all__ = ["Column", "Scores", "What", "columns", "score", "score_by", "undefined"]

What = Task | tuple[Slot, ...]
"""What is predicted: a task, or where each of mixed targets lies."""


@dataclass(frozen=True)
class Column:
    """One target's labelled rows."""

    rows: np.ndarray
    """(n_labelled,) indices of the rows that have a label."""
    y: Array
    """(n_labelled,): value or class index."""
    prediction: Array
    """(n_labelled,) values, or (n_labelled, classes) probabilities."""


@dataclass(frozen=True)
class Scores:
    """All metrics of one predictor, ready for intervals and for the difference from another on the same rows."""

    metrics: tuple[Metric, ...]
    columns: tuple[Column, ...]
    replicates: Replicates
    """Columns metric by metric, within it target by target."""
    level: float

    def of(self, metric: Metric) -> Replicates:
        """Return the replicates of one metric by target."""
        at = self.metrics.index(metric) * len(self.columns)
        return self.replicates.take(slice(at, at + len(self.columns)))

    def targets(self, metric: Metric) -> list[Interval]:
        """Return one metric by target; a value that is undefined has its reason."""
        found = self.of(metric).intervals(self.level)
        return [self._finish(metric, column, interval) for column, interval in zip(self.columns, found, strict=True)]

    def mean(self, metric: Metric) -> Interval:
        """Return the mean of a metric over the targets for which it is defined."""
        found = self.of(metric)
        left_out = int(np.isnan(found.value).sum())
        interval = found.mean().intervals(self.level)[0]
        if interval.value is None:
            return Interval(None, reason="undefined for every target")
        note = f"mean of {len(self.columns) - left_out} of {len(self.columns)} targets: undefined for the others"
        return Interval(interval.value, interval.low, interval.high, interval.reason or (note if left_out else None))

    def difference(self, metric: Metric, other: "Scores", target: int | None = None) -> Interval:
        """Return this minus the other predictor's metric, of one target or (None) of the mean, in pairs."""
        return self.apart(metric, other, target).intervals(self.level)[0]

    def apart(self, metric: Metric, other: "Scores", target: int | None = None) -> Replicates:
        """Return the replicates of that difference, one column."""
        found = self.of(metric) - other.of(metric)
        return found.mean() if target is None else found.take(slice(target, target + 1))

    def _finish(self, metric: Metric, column: Column, interval: Interval) -> Interval:
        if interval.value is None:
            return Interval(None, reason=undefined(column) or interval.reason)
        if metric.proportion:
            return Interval(interval.value, *wilson(interval.value, len(column.y), self.level))
        return interval


def columns(task: What, y: np.ndarray, prediction: np.ndarray) -> tuple[Column, ...]:
    """Part labels and predictions by target and leave out rows without a label.

    Args:
        task: What is predicted.
        y: (n, targets) with NaN where a label is missing; for ``multiclass`` (n,) class indices, negative or NaN where it is missing.
        prediction: (n, targets) values or probabilities of the positive class; for ``multiclass`` (n, classes); of mixed targets these
            side by side.

    Raises:
        DataError: The shapes do not belong together, or a prediction is not finite.
    """
    if not isinstance(task, str):
        parts = [(s.task, own_labels(s, y, i), prediction[:, s.start : s.end]) for i, s in enumerate(task)]
        return tuple(column for own in parts for column in columns(*own))
    labels, said = np.asarray(y, dtype=float), np.asarray(prediction, dtype=float)
    fits = (
        (labels.ndim == 1 and said.ndim == 2)
        if task == "multiclass"
        else (labels.ndim == 2 and said.shape == labels.shape)
    )
    if not fits or len(labels) != len(said):
        raise DataError(f"{task}: labels {labels.shape} and predictions {said.shape} do not belong together")
    if not np.isfinite(said).all():
        raise DataError(
            f"{int((~np.isfinite(said)).sum())} of {said.size} predictions are NaN or infinite: the model diverged"
        )
    if task == "multiclass":
        rows = np.flatnonzero(labels >= 0)
        return (Column(rows, labels[rows], said[rows]),)
    return tuple(_column(task, labels[:, i], said[:, i]) for i in range(labels.shape[1]))


def _column(task: Task, y: Array, prediction: Array) -> Column:
    rows = np.flatnonzero(~np.isnan(y))
    chosen = prediction[rows]
    return Column(rows, y[rows], chosen if task == "regression" else np.stack([1 - chosen, chosen], axis=1))


def score(
    task: What, y: np.ndarray, prediction: np.ndarray, resamples: int = 1000, seed: int = 42, level: float = 0.95
) -> Scores:
    """Measure predictions with all metrics of the task; see `columns` for the shapes.

    Two predictors scored with the same ``y``, ``resamples`` and ``seed`` share their resamples: their difference
    is paired.
    """
    measured = metrics_for(task if isinstance(task, str) else "mixed")
    return _scores(measured, columns(task, y, prediction), Resampling(len(y), resamples, seed), level)


def score_by(metric: Metric, task: What, y: np.ndarray, prediction: np.ndarray, resamples: int = 1000) -> Scores:
    """Measure predictions with one metric; see `score`."""
    return _scores((metric,), columns(task, y, prediction), Resampling(len(y), resamples), 0.95)


def _scores(metrics: tuple[Metric, ...], parts: tuple[Column, ...], resampling: Resampling, level: float) -> Scores:
    return Scores(metrics, parts, replicate(lambda counts: _measure(metrics, parts, counts), resampling), level)


def _measure(metrics: Sequence[Metric], parts: Sequence[Column], counts: Array) -> Array:
    """Return (resamples, metrics × targets)."""
    values = np.full((len(counts), len(metrics), len(parts)), np.nan)
    for t, part in enumerate(parts):
        if len(part.y):
            of_part = counts if len(part.rows) == counts.shape[1] else counts[:, part.rows]
            for m, metric in enumerate(metrics):
                values[:, m, t] = metric.measure(part.y, part.prediction, of_part)
    return values.reshape(len(counts), -1)


def undefined(column: Column) -> str | None:
    """Say why a metric of these rows has no value, or None where nothing stands in its way."""
    if len(column.y) < 2:
        return f"needs at least 2 labelled rows, has {len(column.y)}"
    if np.ptp(column.y) == 0:
        kind = "value" if column.prediction.ndim == 1 else "class"
        return f"all {len(column.y)} labelled rows have the same {kind}"
    if column.prediction.ndim == 1 and np.ptp(column.prediction) == 0:
        return "all predictions are equal"
    return None
