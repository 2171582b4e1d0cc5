"""The rows of ``metrics.json``: each number with its interval, its unit and the baselines beside it."""

import numpy as np

from scitrain.evaluation.bootstrap import Interval
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.scoring import Scores, score
from scitrain.spec import Spec

__all__ = ["MODEL", "BaselineValue", "MetricRow", "metric_rows", "mixed_units", "named_targets", "row", "score_all"]


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


MODEL = ""
"""Key of the network among the scores; no baseline has an empty name."""


def score_all(problem: Problem, split: Predicted) -> dict[str, Scores]:
    """Score the network (key `MODEL`) and each baseline on the same resamples."""
    named = {MODEL: split.prediction, **split.baselines}
    return {
        name: score(problem.what, split.y, said, problem.resamples, problem.seed, problem.level)
        for name, said in named.items()
    }


def metric_rows(problem: Problem, scores: dict[str, Scores], split: str) -> list[MetricRow]:
    """Return a row for each metric and target, and for the mean over several targets."""
    rows = []
    for metric in scores[MODEL].metrics:
        by_name = {name: _with_mean(problem, metric, one) for name, one in scores.items()}
        for i, (target, n) in enumerate(named_targets(problem, scores[MODEL])):
            own = by_name[MODEL][i]
            single = i if i < len(problem.targets) else None
            others = {
                name: _baseline(
                    found[i],
                    scores[MODEL].difference(metric, scores[name], single) if found[i].value is not None else found[i],
                )
                for name, found in by_name.items()
                if name != MODEL
            }
            unit = metric.unit(problem.unit(single, metric.power)) if single is not None or problem.one_unit else None
            rows.append(
                row(
                    problem, (metric.name, metric.title, metric.higher_is_better), (target, n, split, unit), own, others
                )
            )
    return rows


def named_targets(problem: Problem, scores: Scores) -> list[tuple[str | None, int]]:
    """Return name and labelled rows of each target, then of their mean where there are several."""
    found: list[tuple[str | None, int]] = [
        (t.name, len(c.y)) for t, c in zip(problem.targets, scores.columns, strict=True)
    ]
    together = len(np.unique(np.concatenate([column.rows for column in scores.columns])))
    return found if len(found) == 1 else [*found, (None, together)]


def _with_mean(problem: Problem, metric: Metric, scores: Scores) -> list[Interval]:
    found = scores.targets(metric)
    if len(found) == 1:
        return found
    return [*found, scores.mean(metric) if metric.power == 0 or problem.one_unit else mixed_units(problem)]


def mixed_units(problem: Problem) -> Interval:
    """Say why there is no mean over targets of different units."""
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


def row(
    problem: Problem,
    what: tuple[str, str, bool | None],
    where: tuple[str | None, int, str, str | None],
    found: Interval,
    baselines: dict[str, BaselineValue] | None = None,
) -> MetricRow:
    """Put together what (name, title, direction), where (target, n, split, unit) and how much."""
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
