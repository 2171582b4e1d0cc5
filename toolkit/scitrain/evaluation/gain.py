"""What learning several targets together gains over a network for each, in pairs on the same test rows."""

from typing import Literal

import numpy as np

from scitrain.data.options import Task
from scitrain.evaluation.bootstrap import Interval
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.scoring import Scores, score_by
from scitrain.spec import Spec

__all__ = ["GainRow", "GainTold", "gain_of"]

Outcome = Literal["helps", "does_not_help", "cannot_tell"]


class GainRow(Spec):
    """One target, or the mean over all."""

    target: str | None
    """Null is the mean over the targets."""
    task: Task
    n: int
    """Test rows with a label (of the mean, with any)."""
    together: float | None
    """Test metric of the network of all targets."""
    alone: float | None
    """That of a network of this target alone."""
    gain: float | None
    """Difference, positive where together is better."""
    low: float | None
    """95 % interval of the difference, paired by rows."""
    high: float | None
    reason: str | None = None
    """Why something is null."""


class GainTold(Spec):
    """Content of ``results/single_tasks.json``."""

    metric: str
    title: str
    unit: str | None
    mean: GainRow
    targets: tuple[GainRow, ...]
    outcome: Outcome
    sentence: str


def gain_of(problem: Problem, y: np.ndarray, together: np.ndarray, alone: np.ndarray) -> GainTold:
    """Compare predictions of all targets by one network with those of a network a target.

    Args:
        problem: All targets.
        y: (n, targets) labels of the test rows, NaN where missing.
        together: (n, outputs) predictions of the one network.
        alone: (n, outputs) predictions of the others, side by side.
    """
    metric = problem.primary
    one, other = (score_by(metric, problem.what, y, said, problem.resamples) for said in (together, alone))
    rows = [
        _row(metric, (slot.name, slot.task, len(one.columns[i].y)), (one, other), i)
        for i, (_, slot) in enumerate(problem.parts())
    ]
    n = int(np.isfinite(y).any(axis=1).sum())
    mean = _row(metric, (None, problem.task, n), (one, other), None)
    outcome: Outcome = (
        "helps" if mean.low is not None and mean.low > 0
        else "does_not_help" if mean.high is not None and mean.high < 0 else "cannot_tell"
    )  # fmt: skip
    said = _sentence(metric, mean, rows, outcome)
    return GainTold(
        metric=metric.name, title=metric.title, unit="", mean=mean, targets=tuple(rows), outcome=outcome, sentence=said
    )


def _row(
    metric: Metric, what: tuple[str | None, Task, int], scores: tuple[Scores, Scores], index: int | None
) -> GainRow:
    sign = 1 if metric.higher_is_better else -1
    apart = scores[0].difference(metric, scores[1], index)
    values: list[Interval] = [one.mean(metric) if index is None else one.targets(metric)[index] for one in scores]
    ends = [] if apart.low is None or apart.high is None else sorted((sign * apart.low, sign * apart.high))
    return GainRow(
        target=what[0],
        task=what[1],
        n=what[2],
        together=values[0].value,
        alone=values[1].value,
        gain=None if apart.value is None else sign * apart.value,
        low=min(ends, default=None),
        high=max(ends, default=None),
        reason=values[0].reason or apart.reason,
    )


WORDS: dict[Outcome, str] = {
    "helps": "Learning the targets together helps",
    "does_not_help": "Learning the targets together does not help here: networks for each are better",
    "cannot_tell": "Learning the targets together cannot be shown to help: the interval of the gain includes zero",
}


def _sentence(metric: Metric, mean: GainRow, rows: list[GainRow], outcome: Outcome) -> str:
    if mean.gain is None or mean.together is None or mean.alone is None:
        return f"What learning the targets together gains is not known: {mean.reason}."
    span = "" if mean.low is None else f" (95% interval {mean.low:.2g} to {mean.high:.2g})"
    better = [row.target for row in rows if row.low is not None and row.low > 0]
    worse = [row.target for row in rows if row.high is not None and row.high < 0]
    each = [f"better for {', '.join(map(str, better))}"] if better else []
    each += [f"worse for {', '.join(map(str, worse))}"] if worse else []
    told = f"; {' and '.join(each)}, by intervals that exclude zero" if each else "; no single target differs"
    return (
        f"{WORDS[outcome]}: test {metric.title} {mean.together:.3f} together, {mean.alone:.3f} each alone, mean of {len(rows)} "
        f"targets, n = {mean.n:,}, gain {mean.gain:.2g}{span}{told}."
    )
