"""What folds say together: metrics over the pooled rows, and over the folds' own values.

Two intervals, for two questions. Over the *pooled rows* (bootstrap): how much the number would move with other rows, the networks
of the folds being what they are. Over the *folds* (corrected t): how much it would move with other rows to learn from too; folds
share most of what they learn from, which the correction of Nadeau & Bengio 2003, doi:10.1023/A:1024068626366, allows for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np
from scipy.special import stdtrit

from scitrain.evaluation.bootstrap import Interval
from scitrain.evaluation.calibration import CoveragePoint
from scitrain.evaluation.conformal import Conformal
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.report import Evaluation, verdict_of
from scitrain.evaluation.rows import MetricRow, metric_rows, score_all
from scitrain.evaluation.trust import Calibration, calibration_curves, domain_summary, interval_rows, set_rows
from scitrain.spec import Spec

__all__ = ["Fold", "FoldValue", "FoldsMetric", "FoldsTold", "corrected_t", "pool"]


@dataclass(frozen=True)
class Fold:
    """Test rows of one fold, as its own network and simple models see them."""

    test: Predicted
    """With the simple models; ``inside`` by the fold's own domain."""
    val: Predicted
    """Labels of the validation rows, and what the simple models say of them, by which the one to beat is chosen."""
    low: np.ndarray | None
    """(n, targets) ends of the fold's own intervals."""
    high: np.ndarray | None
    sets: np.ndarray | None
    """(n, targets, classes) the fold's own sets."""
    learned: int
    """Rows of training and validation."""
    evaluation: Evaluation
    """What the fold's own run says of it."""


class FoldValue(Spec):
    """A metric of one fold, with its bootstrap interval over that fold's rows."""

    value: float | None
    low: float | None = None
    high: float | None = None


UNKNOWN = FoldValue(value=None)
Ends = tuple[float, float]
ANY: Ends = (-inf, inf)
LEAST = {"r2": -inf, "spearman": -1.0, "mcc": -1.0}
"""What a metric cannot fall below, where that is not zero."""
SHARES = frozenset({"coverage", "ece"})
"""Metrics that cannot pass one, besides those of which more is better."""


class FoldsMetric(Spec):
    """One metric: over the pooled rows, in each fold, and over the folds."""

    name: str
    title: str
    target: str | None
    """Null is the mean over several targets."""
    unit: str | None
    higher_is_better: bool | None
    pooled: float | None
    pooled_low: float | None
    """Lower end of the bootstrap interval over rows."""
    pooled_high: float | None
    n: int
    folds: list[FoldValue]
    """In the order of the folds."""
    mean: float | None
    """Over the folds."""
    deviation: float | None
    """Standard deviation (k − 1) over the folds."""
    low: float | None
    """Lower end of the corrected t interval of the mean."""
    high: float | None
    reason: str | None
    """Why something is null."""


class FoldsTold(Spec):
    """What is written of a cross-validation, besides its runs."""

    primary: str
    metrics: list[FoldsMetric]
    improvement: FoldsMetric | None
    """Of the deciding metric over the simple model to beat; positive is in the network's favour. Null without simple models."""
    baseline: str | None
    """That simple model: the best on the validation rows of all folds."""


def corrected_t(values: Sequence[float], ratio: float, level: float = 0.95, within: Ends = ANY) -> Interval:
    """Return the mean of k values with mean ± t(k − 1) · √((1/k + ratio) · s²), cut at what the values can be.

    Args:
        values: One a fold.
        ratio: Test rows of a fold to the rows it learned from, by which the folds' dependence is allowed for.
        level: Of the interval.
        within: Least and most that a value can be.
    """
    k = len(values)
    if k < 2:
        return Interval(values[0] if k else None, reason=f"{k} folds have a value, an interval needs 2")
    mean, spread = float(np.mean(values)), float(np.var(values, ddof=1))
    reach = float(stdtrit(k - 1, (1 + level) / 2)) * sqrt((1 / k + ratio) * spread)
    return Interval(mean, max(mean - reach, within[0]), min(mean + reach, within[1]))


def pool(problem: Problem, folds: Sequence[Fold], conformal: Conformal | None) -> tuple[Evaluation, FoldsTold]:
    """Judge the rows of all folds together, each as the network said that had not seen it.

    Args:
        problem: What is predicted, and how it is judged.
        folds: In the order of the pooled rows.
        conformal: Intervals or sets of the model that is kept; those of the rows are the folds' own.
    """
    test, val = _joined([fold.test for fold in folds]), _joined([fold.val for fold in folds])
    scores = score_all(problem, test)
    rows = [*metric_rows(problem, scores, "test"), *_trusted(problem, folds, test.y)]
    # validation rows of several folds are partly the same: they choose the simple model to beat, and are told fold by fold
    chosen = score_all(replace(problem, resamples=1), val) if val.baselines else {}
    verdict = verdict_of(problem, scores, chosen, "validation rows of the folds")
    evaluation = Evaluation(
        metrics=tuple(rows),
        primary=problem.primary.name,
        verdict=verdict,
        calibration=_curves(problem, test, folds),
        conformal=conformal,
        domain=None if test.inside is None else domain_summary(problem, test, test.inside),
    )
    return evaluation, _told(evaluation, folds)


def _joined(parts: Sequence[Predicted]) -> Predicted:
    """Put rows together; of the simple models those that every fold has."""
    names = [name for name in parts[0].baselines if all(name in part.baselines for part in parts)]
    return Predicted(
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.prediction for part in parts]),
        _concatenated([part.spread for part in parts]),
        _concatenated([part.inside for part in parts]),
        {name: np.concatenate([part.baselines[name] for part in parts]) for name in names},
    )


def _concatenated(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _trusted(problem: Problem, folds: Sequence[Fold], y: np.ndarray) -> list[MetricRow]:
    low, high, sets = (_concatenated([getattr(fold, name) for fold in folds]) for name in ("low", "high", "sets"))
    if low is not None and high is not None:
        return interval_rows(problem, y, low, high)
    return [] if sets is None else set_rows(problem, y, sets)


def _curves(problem: Problem, test: Predicted, folds: Sequence[Fold]) -> tuple[Calibration, ...]:
    """Return the curves of the pooled rows; of conformal intervals, which each fold has its own, their mean by rows."""
    pooled = calibration_curves(problem, test, None, None)
    return tuple(
        curve.model_copy(update={"conformal": _mean_curve([f.evaluation.calibration[i] for f in folds], folds)})
        for i, curve in enumerate(pooled)
    )


def _mean_curve(curves: Sequence[Calibration], folds: Sequence[Fold]) -> tuple[CoveragePoint, ...]:
    if any(len(curve.conformal) != len(curves[0].conformal) for curve in curves):
        return ()
    weights = [len(fold.test.y) for fold in folds]
    points = []
    for at in zip(*(curve.conformal for curve in curves), strict=True):
        known = [
            (point.observed, weight) for point, weight in zip(at, weights, strict=True) if point.observed is not None
        ]
        observed = sum(o * w for o, w in known) / sum(w for _, w in known) if known else None
        points.append(CoveragePoint(nominal=at[0].nominal, observed=observed))
    return tuple(points)


def _told(evaluation: Evaluation, folds: Sequence[Fold]) -> FoldsTold:
    ratio = float(np.mean([len(fold.test.y) / fold.learned for fold in folds]))
    by_fold = [{(r.name, r.target): r for r in fold.evaluation.metrics if r.split == "test"} for fold in folds]
    metrics = []
    for row in evaluation.metrics:
        values = [_value(found.get((row.name, row.target))) for found in by_fold]
        metrics.append(_over_folds(row, _value(row), values, ratio, _possible(row)))
    verdict = evaluation.verdict
    if verdict is None:
        return FoldsTold(primary=evaluation.primary, metrics=metrics, improvement=None, baseline=None)
    deciding = evaluation.row(evaluation.primary)
    sign = 1 if deciding.higher_is_better else -1
    apart = [_apart(found.get((deciding.name, deciding.target)), verdict.baseline, sign) for found in by_fold]
    pooled = FoldValue(value=verdict.improvement, low=verdict.low, high=verdict.high)
    improvement = _over_folds(deciding.model_copy(update={"higher_is_better": True}), pooled, apart, ratio)
    return FoldsTold(primary=evaluation.primary, metrics=metrics, improvement=improvement, baseline=verdict.baseline)


def _value(row: MetricRow | None) -> FoldValue:
    return UNKNOWN if row is None else FoldValue(value=row.value, low=row.low, high=row.high)


def _possible(row: MetricRow) -> Ends:
    """Return the least and the most that a metric can be."""
    return LEAST.get(row.name, 0.0), 1.0 if row.higher_is_better or row.name in SHARES else inf


def _apart(row: MetricRow | None, baseline: str, sign: int) -> FoldValue:
    """Return the improvement over a simple model in one fold."""
    found = None if row is None else row.baselines.get(baseline)
    if found is None or found.difference is None:
        return UNKNOWN
    ends = (found.difference_low, found.difference_high)
    low, high = ends if sign > 0 else [None if end is None else -end for end in reversed(ends)]
    return FoldValue(value=sign * found.difference, low=low, high=high)


def _over_folds(
    row: MetricRow, pooled: FoldValue, values: list[FoldValue], ratio: float, within: Ends = ANY
) -> FoldsMetric:
    known = [one.value for one in values if one.value is not None]
    found = corrected_t(known, ratio, row.level, within)
    lacking = f"undefined in {len(values) - len(known)} of {len(values)} folds" if len(known) < len(values) else None
    return FoldsMetric(
        name=row.name,
        title=row.title,
        target=row.target,
        unit=row.unit,
        higher_is_better=row.higher_is_better,
        pooled=pooled.value,
        pooled_low=pooled.low,
        pooled_high=pooled.high,
        n=row.n,
        folds=values,
        mean=found.value,
        deviation=float(np.std(known, ddof=1)) if len(known) > 1 else None,
        low=found.low,
        high=found.high,
        reason="; ".join(filter(None, [row.reason, lacking, found.reason])) or None,
    )
