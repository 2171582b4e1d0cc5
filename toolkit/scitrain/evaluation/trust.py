"""What can be trusted of single predictions: coverage of intervals and sets, calibration curves, error by domain."""

import numpy as np

from scitrain.evaluation.bootstrap import NOTHING, Interval, Replicates, Resampling, replicate, wilson
from scitrain.evaluation.calibration import LEVELS, CoveragePoint, ReliabilityPoint, gaussian_coverage, reliability
from scitrain.evaluation.conformal import (
    Conformal,
    ConformalIntervals,
    ConformalMixed,
    ConformalSets,
    conformal_quantile,
    interval_score,
)
from scitrain.evaluation.metrics import Array
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.rows import MetricRow, mixed_units, row
from scitrain.evaluation.scoring import columns, score
from scitrain.spec import Spec

__all__ = [
    "Calibration",
    "DomainSummary",
    "calibration_curves",
    "coverage_rows",
    "domain_summary",
    "interval_rows",
    "kind_rows",
    "means",
    "row_values",
    "set_rows",
]

IN_UNIT = ("interval_", "crps")
"""How the names of numbers in the target's unit begin."""
INTERVALS = {
    "coverage": ("coverage", "coverage of intervals", None),
    "interval_width": ("interval_width", "mean width of intervals", False),
    "interval_score": ("interval_score", "interval score", False),
}
SETS = {"coverage": ("coverage", "coverage of sets", None), "set_size": ("set_size", "mean size of sets", False)}
"""Name, title and direction of what is measured."""


class Calibration(Spec):
    """Curves of one target on the test split."""

    target: str
    reliability: tuple[ReliabilityPoint, ...] = ()
    """Classes: predicted probability against frequency."""
    raw: tuple[CoveragePoint, ...] = ()
    """Regression: coverage of the uncalibrated spread taken as a Gaussian's."""
    conformal: tuple[CoveragePoint, ...] = ()
    """Regression: coverage of conformal intervals of each nominal level."""


class DomainSummary(Spec):
    """Test error inside and outside the training domain."""

    n_inside: int
    n_outside: int
    metric: str
    """The deciding metric; the mean over several targets."""
    unit: str | None
    inside: float | None
    inside_low: float | None
    inside_high: float | None
    outside: float | None
    outside_low: float | None
    outside_high: float | None
    reason: str | None
    """Why something is null."""


def coverage_rows(problem: Problem, test: Predicted, conformal: Conformal) -> list[MetricRow]:
    """Measure intervals or sets on the test split: how often they hold the truth, and how large they are."""
    conformal = _of_one_kind(conformal)
    if isinstance(conformal, ConformalSets):
        return set_rows(problem, test.y, conformal.apply(test.prediction))
    return interval_rows(problem, test.y, *conformal.apply(test.prediction, test.spread, test.ends))


def row_values(problem: Problem, test: Predicted, conformal: Conformal) -> dict[str, Array]:
    """Return by row and target (n, targets) what `coverage_rows` averages, by its name; NaN where a label is missing."""
    conformal = _of_one_kind(conformal)
    if isinstance(conformal, ConformalSets):
        return _set_values(test.y, conformal.apply(test.prediction))
    return _interval_values(problem, test.y, *conformal.apply(test.prediction, test.spread, test.ends))


def _of_one_kind(conformal: Conformal) -> ConformalIntervals | ConformalSets:
    if isinstance(conformal, ConformalMixed):
        raise AssertionError("each of mixed targets is judged by what was calibrated for it")
    return conformal


def interval_rows(problem: Problem, y: Array, low: Array, high: Array) -> list[MetricRow]:
    """Measure intervals from ``low`` to ``high``, both (n, targets): coverage, width, score."""
    values = _interval_values(problem, y, low, high)
    return [found for name, kind in INTERVALS.items() for found in kind_rows(problem, kind, values[name])]


def set_rows(problem: Problem, y: Array, sets: Array) -> list[MetricRow]:
    """Measure sets of classes (n, targets, classes): coverage and size."""
    values = _set_values(y, sets)
    return [found for name, kind in SETS.items() for found in kind_rows(problem, kind, values[name])]


def _interval_values(problem: Problem, y: Array, low: Array, high: Array) -> dict[str, Array]:
    known = np.isfinite(y) & np.isfinite(low)
    return {
        "coverage": np.where(known, (low <= y) & (y <= high), np.nan),
        "interval_width": np.where(known, high - low, np.nan),
        "interval_score": interval_score(y, low, high, problem.coverage),
    }


def _set_values(y: Array, sets: Array) -> dict[str, Array]:
    labels = np.asarray(y, dtype=float).reshape(len(y), -1)
    truth = np.nan_to_num(labels).astype(int)
    holds = np.take_along_axis(sets, truth[:, :, None], axis=2)[:, :, 0]
    known = np.isfinite(labels)
    return {"coverage": np.where(known, holds, np.nan), "set_size": np.where(known, sets.sum(axis=2), np.nan)}


def kind_rows(problem: Problem, kind: tuple[str, str, bool | None], values: Array) -> list[MetricRow]:
    """Return mean and interval of values (n, targets) by target, then over all; ``kind`` is name, title, direction."""
    in_unit = kind[0].startswith(IN_UNIT)
    replicates = means(values, problem)
    n = np.isfinite(values).sum(axis=0)
    found = [
        _finish(kind[0], interval, int(n[i]), problem) for i, interval in enumerate(replicates.intervals(problem.level))
    ]
    rows = [
        row(problem, kind, (target.name, int(n[i]), "test", problem.unit(i, int(in_unit))), found[i])
        for i, target in enumerate(problem.targets)
    ]
    if len(rows) > 1:
        together = int(np.isfinite(values).any(axis=1).sum())
        mixed = in_unit and not problem.one_unit
        mean = mixed_units(problem) if mixed else replicates.mean().intervals(problem.level)[0]
        rows.append(
            row(problem, kind, (None, together, "test", None if mixed else problem.unit(None, int(in_unit))), mean)
        )
    return rows


def means(values: Array, problem: Problem) -> Replicates:
    """Return the replicates of the mean by target of values (n, targets), NaN left out; two of them are paired."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)

    def averaged(counts: Array) -> Array:
        n = counts @ known
        found: Array = np.divide(counts @ filled, n, out=np.full(n.shape, np.nan), where=n > 0)
        return found

    return replicate(averaged, Resampling(len(values), problem.resamples, problem.seed))


def _finish(name: str, found: Interval, n: int, problem: Problem) -> Interval:
    if not n:
        return NOTHING
    if name == "coverage" and found.value is not None:
        return Interval(found.value, *wilson(found.value, n, problem.level))
    return found


def calibration_curves(
    problem: Problem, test: Predicted, val: Predicted | None, conformal: Conformal | None
) -> tuple[Calibration, ...]:
    """Return the curves of each target on the test split."""
    parts = columns(problem.task, test.y, test.prediction)
    if problem.task != "regression":
        return tuple(
            Calibration(target=target.name, reliability=reliability(part, level=problem.level))
            for target, part in zip(problem.targets, parts, strict=True)
        )
    curves = _conformal_curves(test, val, conformal)
    return tuple(
        Calibration(
            target=target.name,
            raw=() if test.spread is None else gaussian_coverage(parts[i], np.asarray(test.spread, dtype=float)[:, i]),
            conformal=curves[i] if curves else (),
        )
        for i, target in enumerate(problem.targets)
    )


def _conformal_curves(
    test: Predicted, val: Predicted | None, conformal: Conformal | None
) -> list[tuple[CoveragePoint, ...]]:
    """Return by target the coverage on test of the intervals that each nominal level would have had."""
    if val is None or not isinstance(conformal, ConformalIntervals):
        return []
    learned = conformal.scores(val.y, val.prediction, val.spread, val.ends)
    seen = conformal.scores(test.y, test.prediction, test.spread, test.ends)
    return [
        _curve(learned[:, i][np.isfinite(learned[:, i])], seen[:, i][np.isfinite(seen[:, i])])
        for i in range(seen.shape[1])
    ]


def _curve(learned: Array, seen: Array) -> tuple[CoveragePoint, ...]:
    reach = {level: conformal_quantile(learned, level) for level in LEVELS}
    return tuple(
        CoveragePoint(nominal=level, observed=None if q is None or not len(seen) else float((seen <= q).mean()))
        for level, q in reach.items()
    )


def domain_summary(problem: Problem, test: Predicted, inside: np.ndarray) -> DomainSummary:
    """Compare the deciding metric of test rows inside the training domain with that of those outside."""
    within, beyond = (_part(problem, test, rows) for rows in (inside, ~inside))
    metric = problem.primary
    unit = metric.unit(problem.unit(None, metric.power)) if problem.one_unit else None
    reasons = {"inside": within.reason, "outside": beyond.reason}
    return DomainSummary(
        n_inside=int(inside.sum()),
        n_outside=int((~inside).sum()),
        metric=metric.name,
        unit=unit,
        inside=within.value,
        inside_low=within.low,
        inside_high=within.high,
        outside=beyond.value,
        outside_low=beyond.low,
        outside_high=beyond.high,
        reason="; ".join(f"{where}: {why}" for where, why in reasons.items() if why) or None,
    )


def _part(problem: Problem, test: Predicted, rows: np.ndarray) -> Interval:
    if not rows.any():
        return Interval(None, reason="no test rows")
    scores = score(problem.what, test.y[rows], test.prediction[rows], problem.resamples, problem.seed, problem.level)
    if len(scores.columns) == 1:
        return scores.targets(problem.primary)[0]
    return scores.mean(problem.primary) if problem.primary.power == 0 or problem.one_unit else mixed_units(problem)
