"""Everything that is said about a trained model's quality, from predictions alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.evaluation.bootstrap import Interval, Resampling, replicate, wilson
from scitrain.evaluation.calibration import (
    LEVELS,
    CoveragePoint,
    ReliabilityPoint,
    gaussian_coverage,
    reliability,
)
from scitrain.evaluation.conformal import (
    Conformal,
    ConformalRegression,
    ConformalSets,
    conformal_quantile,
    fit_conformal,
    interval_score,
)
from scitrain.evaluation.metrics import METRICS, PRIMARY, Array, Metric
from scitrain.evaluation.scoring import Scores, columns, score
from scitrain.evaluation.verdict import Verdict, best_on_validation, judge
from scitrain.spec import Spec

__all__ = ["BaselineValue", "Calibration", "DomainSummary", "Evaluation", "MetricRow", "Predicted", "Problem", "evaluate"]


@dataclass(frozen=True)
class Problem:
    """What is predicted, and how it is judged."""

    task: Task
    targets: tuple[Target, ...]
    coverage: float = 0.9
    """Asked coverage of intervals and sets of predictions."""
    level: float = 0.95
    """Level of the intervals of metrics."""
    resamples: int = 1000
    seed: int = 42
    metric: str | None = None
    """Metric that decides; None takes `PRIMARY`, or R² for several numeric targets, whose units cannot be averaged."""

    @property
    def primary(self) -> Metric:
        """Return the metric that decides."""
        several = self.task == "regression" and len(self.targets) > 1
        return METRICS[self.metric or ("r2" if several else PRIMARY[self.task])]

    def unit(self, target: int | None, power: int = 1) -> str | None:
        """Return the unit of one target, or (None) the one shared by all; empty where ``power`` is 0."""
        if power == 0 or self.task != "regression":
            return ""
        return self.targets[target or 0].unit

    @property
    def one_unit(self) -> bool:
        """Tell whether all targets have the same unit, so that their errors can be averaged."""
        return len({target.unit for target in self.targets}) == 1


@dataclass(frozen=True)
class Predicted:
    """Labels and predictions of the rows of one split."""

    y: np.ndarray
    """(n, targets) with NaN where missing; (n,) class indices for ``multiclass``."""
    prediction: np.ndarray
    """(n, targets) values or probabilities of the positive class; (n, classes) for ``multiclass``."""
    spread: np.ndarray | None = None
    """(n, targets), standard deviation over the members of an ensemble; regression only."""
    inside: np.ndarray | None = None
    """bool (n,): row lies in the training domain."""
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Predictions of the simple models by name, each shaped as ``prediction``."""


class BaselineValue(Spec):
    """A metric of a baseline on the same rows."""

    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    """Network minus baseline, in the metric's unit."""
    difference_low: float | None
    """Lower end of the paired interval of the difference."""
    difference_high: float | None
    """Upper end."""
    reason: str | None
    """Why something is null."""


class MetricRow(Spec):
    """One number of ``metrics.json``, with all that is needed to read it."""

    name: str
    title: str
    target: str | None
    """Target; null is the mean over the targets."""
    value: float | None
    low: float | None
    """Lower end of the interval at ``level``."""
    high: float | None
    """Upper end."""
    level: float
    unit: str | None
    """An empty string is dimensionless, null a unit that nobody stated."""
    n: int
    """Labelled rows (for the mean, rows with any label)."""
    split: str
    higher_is_better: bool | None
    """Null where neither direction is better, as for coverage."""
    reason: str | None
    """Why a value or interval is null, or what a mean leaves out."""
    baselines: dict[str, BaselineValue] = {}


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


class Evaluation(Spec):
    """All that is known of a model's quality; ``model_dump(mode="json")`` is finite JSON."""

    metrics: tuple[MetricRow, ...]
    """Rows of the test split, then of validation."""
    primary: str
    """Metric that decides."""
    verdict: Verdict | None
    """None where there are no baselines, or no validation rows to choose among them."""
    calibration: tuple[Calibration, ...]
    conformal: Conformal | None = Field(discriminator="kind")
    """None where there were no validation rows to calibrate on."""
    domain: DomainSummary | None

    def row(self, name: str, target: str | None = None, split: str = "test") -> MetricRow:
        """Return one row; with ``target`` None that of the only target, or the mean over several."""
        found = [row for row in self.metrics if row.name == name and row.split == split]
        return next((row for row in found if row.target == target), found[0])


def evaluate(
    problem: Problem, test: Predicted, val: Predicted | None = None, conformal: Conformal | None = None
) -> Evaluation:
    """Judge a model: metrics with intervals, baselines with paired differences, verdict, calibration, coverage, domain.

    Everything that is chosen or calibrated (best baseline, conformal quantiles) comes from ``val``; ``test`` is only measured.

    Args:
        problem: What is predicted, and how it is judged.
        test: Rows that nothing was chosen by.
        val: Validation rows; None where a stored ``conformal`` is judged on new data.
        conformal: Calibrated earlier; None calibrates on ``val``.

    Raises:
        DataError: Shapes do not belong together, a prediction is not finite, or a split has no rows.
    """
    if conformal is None and val is not None:
        conformal = fit_conformal(problem.task, val.y, val.prediction, val.spread, problem.coverage)
    on_test, on_val = _scores(problem, test), None if val is None else _scores(problem, val)
    rows = _rows(problem, on_test, "test")
    if conformal is not None:
        rows += _conformal_rows(problem, test, conformal)
    return Evaluation(
        metrics=tuple(rows + ([] if on_val is None else _rows(problem, on_val, "val"))),
        primary=problem.primary.name,
        verdict=None if on_val is None else _verdict(problem, on_test, on_val),
        calibration=_calibration(problem, test, val, conformal),
        conformal=conformal,
        domain=None if test.inside is None else _domain(problem, test, test.inside),
    )


MODEL = ""
"""Key of the network among the scores; no baseline has an empty name."""


def _scores(problem: Problem, split: Predicted) -> dict[str, Scores]:
    named = {MODEL: split.prediction, **split.baselines}
    return {
        name: score(problem.task, split.y, said, problem.resamples, problem.seed, problem.level) for name, said in named.items()
    }


def _rows(problem: Problem, scores: dict[str, Scores], split: str) -> list[MetricRow]:
    rows = []
    for metric in scores[MODEL].metrics:
        by_name = {name: _with_mean(problem, metric, one) for name, one in scores.items()}
        for i, (target, n) in enumerate(_targets(problem, scores[MODEL])):
            own = by_name[MODEL][i]
            single = i if i < len(problem.targets) else None
            others = {
                name: _baseline(found[i], scores[MODEL].difference(metric, scores[name], single) if found[i].value is not None else found[i])
                for name, found in by_name.items()
                if name != MODEL
            }
            unit = metric.unit(problem.unit(single, metric.power)) if single is not None or problem.one_unit else None
            rows.append(_row(problem, (metric.name, metric.title, metric.higher_is_better), (target, n, split, unit), own, others))
    return rows


def _targets(problem: Problem, scores: Scores) -> list[tuple[str | None, int]]:
    """Return name and labelled rows of each target, then of their mean where there are several."""
    found: list[tuple[str | None, int]] = [(t.name, len(c.y)) for t, c in zip(problem.targets, scores.columns, strict=True)]
    together = len(np.unique(np.concatenate([column.rows for column in scores.columns])))
    return found if len(found) == 1 else [*found, (None, together)]


def _with_mean(problem: Problem, metric: Metric, scores: Scores) -> list[Interval]:
    found = scores.targets(metric)
    if len(found) == 1:
        return found
    return [*found, scores.mean(metric) if metric.power == 0 or problem.one_unit else _mixed(problem)]


def _mixed(problem: Problem) -> Interval:
    units = ", ".join(sorted({target.unit or "not stated" for target in problem.targets}))
    return Interval(None, reason=f"the targets have different units ({units})")


def _baseline(own: Interval, apart: Interval) -> BaselineValue:
    difference = None if own.value is None else apart.value
    return BaselineValue(
        value=own.value,
        low=own.low,
        high=own.high,
        difference=difference,
        difference_low=None if difference is None else apart.low,
        difference_high=None if difference is None else apart.high,
        reason=own.reason or apart.reason,
    )


def _row(
    problem: Problem,
    what: tuple[str, str, bool | None],
    where: tuple[str | None, int, str, str | None],
    found: Interval,
    baselines: dict[str, BaselineValue] | None = None,
) -> MetricRow:
    name, title, higher = what
    target, n, split, unit = where
    return MetricRow(
        name=name,
        title=title,
        target=target,
        value=found.value,
        low=found.low,
        high=found.high,
        level=problem.level,
        unit=unit,
        n=n,
        split=split,
        higher_is_better=higher,
        reason=found.reason,
        baselines=baselines or {},
    )
