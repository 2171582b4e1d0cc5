"""Does the network beat the simple models? One comparison, with the interval of the difference, in plain words."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from scitrain.data.options import Task
from scitrain.evaluation.metrics import METRICS, Metric
from scitrain.evaluation.scoring import Scores
from scitrain.spec import Spec

__all__ = ["Outcome", "Verdict", "best_on_validation", "judge"]

Outcome = Literal["beats", "does_not_beat", "cannot_tell"]
FALLBACK: dict[Task, str] = {
    "regression": "rmse",
    "binary": "log_loss",
    "multilabel": "log_loss",
    "multiclass": "log_loss",
    "mixed": "skill",
}
"""Chooses among baselines where the primary metric is undefined on validation, as the AUROC of one class is."""
WORDS: dict[Outcome, str] = {
    "beats": "beats the best baseline",
    "does_not_beat": "does not beat the best baseline; it is worse",
    "cannot_tell": "cannot be told from the best baseline: the interval of the difference includes zero",
}


class Verdict(Spec):
    """Outcome of the comparison with the best baseline on the test split."""

    outcome: Outcome
    """`beats` and `does_not_beat` where the interval of the improvement excludes zero, else `cannot_tell`."""
    sentence: str
    """The same in words, with the numbers."""
    baseline: str
    """Baseline that was best on validation."""
    metric: str
    """Metric of the comparison; the mean over several targets."""
    unit: str | None
    """Unit of the values; an empty string is dimensionless, null was not stated."""
    n: int
    """Test rows with a label."""
    model: float | None
    """Test value of the network."""
    best: float | None
    """Test value of the baseline."""
    improvement: float | None
    """Difference turned so that positive is in the network's favour."""
    low: float | None
    """Lower end of the interval of the improvement."""
    high: float | None
    """Upper end."""


def best_on_validation(metric: Metric, baselines: Mapping[str, Scores], task: Task) -> str:
    """Return the name of the baseline that is best on validation rows; the first of equals."""
    for chosen in (metric, METRICS[FALLBACK[task]]):
        values = {
            name: chosen_value
            for name, scores in baselines.items()
            if (chosen_value := scores.mean(chosen).value) is not None
        }
        if values:
            return (max if chosen.higher_is_better else min)(values, key=values.__getitem__)
    return next(iter(baselines))


def judge(
    metric: Metric, baseline: str, model: Scores, other: Scores, unit: str | None, by: str = "validation"
) -> Verdict:
    """Compare network and baseline on the same test rows; ``unit`` is the metric's, ``by`` what chose the baseline."""
    apart = model.difference(metric, other)
    sign = 1 if metric.higher_is_better else -1
    low, high = (
        (None, None) if apart.low is None or apart.high is None else sorted((sign * apart.low, sign * apart.high))
    )
    outcome: Outcome = (
        "beats" if low is not None and low > 0 else "does_not_beat" if high is not None and high < 0 else "cannot_tell"
    )
    n = len(np.unique(np.concatenate([column.rows for column in model.columns])))
    values = {
        "model": model.mean(metric).value,
        "best": other.mean(metric).value,
        "improvement": None if apart.value is None else sign * apart.value,
    }
    draft = Verdict(
        outcome=outcome,
        sentence="",
        baseline=baseline,
        metric=metric.name,
        unit=unit,
        n=n,
        low=low,
        high=high,
        **values,
    )
    return draft.model_copy(update={"sentence": _sentence(draft, metric.title, model.level, apart.reason, by)})


def _sentence(found: Verdict, title: str, level: float, reason: str | None, by: str) -> str:
    unit = f" {found.unit}" if found.unit else ""
    if found.model is None or found.best is None:
        nothing = f"{title} is undefined on the test split"
        return f"The network cannot be compared with the best baseline ({found.baseline}): {nothing}."
    numbers = f"test {title} {found.model:.3g} against {found.best:.3g}{unit}, n = {found.n}"
    if found.low is None or found.high is None:
        return f"The network cannot be told from the best baseline ({found.baseline}): {numbers}; {reason}."
    interval = f"improvement {found.improvement:.2g} ({level:.0%} interval {found.low:.2g} to {found.high:.2g}{unit})"
    return f"The network {WORDS[found.outcome]} ({found.baseline}, chosen on {by}): {numbers}, {interval}."
