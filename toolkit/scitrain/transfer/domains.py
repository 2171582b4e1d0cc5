"""Two domains told apart: how far they lie from one another, and what that says of validation without target labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scitrain.data.options import Task
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.scoring import columns

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["Weights", "importance", "proxy_distance", "weighted"]

MOST = 1_000
"""Rows of each domain that are looked at."""
C = 0.1
"""Inverse strength of the classifier's penalty: features are many, rows few."""
ENOUGH = 20.0
ENOUGH_SHARE = 0.1
"""Effective validation rows (and their share) from which weighted validation is worth more than the noise of its weights."""


def proxy_distance(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """Return the proxy A-distance 2 (1 − 2 ε), 0…2, of features (members, n, width) and (members, m, width).

    ε is the error, on rows it has not seen, of a linear classifier of the domain that sees as many rows of each; the mean over
    the members (Ben-David et al. 2007, doi:10.7551/mitpress/7503.003.0022).
    """
    size = min(source.shape[1], target.shape[1], MOST)
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(part.shape[1])[:size] for part in (source, target)]
    half = size // 2
    errors = [_error(a[rows[0]], b[rows[1]], half) for a, b in zip(source, target, strict=True)]
    return max(0.0, 2 * (1 - 2 * float(np.mean(errors))))


def _error(source: np.ndarray, target: np.ndarray, half: int) -> float:
    machine = _machine()
    machine.fit(np.concatenate([source[:half], target[:half]]), np.repeat([0, 1], half))
    said = [machine.predict(part[half:]) for part in (source, target)]
    return float((said[0] == 1).mean() + (said[1] == 0).mean()) / 2


def _machine() -> "Pipeline":
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))


@dataclass(frozen=True)
class Weights:
    """How much each validation row of the source counts for the target."""

    values: np.ndarray
    """(n,), mean 1."""

    @property
    def effective(self) -> float:
        """Number of rows of equal weight that would say as much: (Σ w)² / Σ w²."""
        return float(self.values.sum() ** 2 / (self.values**2).sum())

    @property
    def enough(self) -> bool:
        """Tell whether enough of the rows count to choose by."""
        return self.effective >= max(ENOUGH, ENOUGH_SHARE * len(self.values))


def importance(source: np.ndarray, target: np.ndarray, val: np.ndarray, seed: int) -> Weights:
    """Return the density ratio p_T(x) / p_S(x) of validation rows (n, width), learned on other rows of both domains.

    Errors so weighted are those on the target wherever labels follow from inputs alike in both (Sugiyama et al. 2007,
    jmlr.org/papers/v8/sugiyama07a); the ratio is the odds of a linear domain classifier (Bickel et al. 2007, doi:10.1145/1273496.1273507).
    """
    rng = np.random.default_rng(seed)
    some = [part[np.sort(rng.permutation(len(part))[:MOST])] for part in (source, target)]
    machine = _machine()
    machine.fit(np.concatenate(some), np.repeat([0, 1], [len(part) for part in some]))
    odds = np.exp(np.clip(machine.decision_function(val), -20, 20))
    return Weights(odds / odds.mean())


def weighted(
    metric: Metric, task: Task, y: np.ndarray, prediction: np.ndarray, weights: Sequence[float]
) -> float | None:
    """Return a metric in which each row counts by its weight, the mean over targets; None where it is undefined."""
    counts = np.asarray(weights, dtype=float)
    found = [
        float(metric.measure(part.y, part.prediction, counts[part.rows][None])[0])
        for part in columns(task, y, prediction)
        if len(part.y)
    ]
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else None
