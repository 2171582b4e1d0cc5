"""What a smaller network costs in quality, on the same rows, with its interval."""

from dataclasses import asdict, dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.evaluation.bootstrap import Interval
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.scoring import Scores, score_by

__all__ = ["Loss", "Yardstick"]

RESAMPLES = 2000


@dataclass(frozen=True)
class Loss:
    """How much worse, by the metric that decides; negative is better.

    Of a score (accuracy, AUROC, R²) the difference: 0.01 is a point. Of an error (RMSE) the share of the original's: 0.01 is 1 %.
    """

    original: float | None
    """Metric of the original."""
    value: float | None
    """Metric of the smaller network."""
    loss: float | None
    low: float | None = None
    """Lower end of the 95 % interval of the loss: paired bootstrap over the rows."""
    high: float | None = None
    reason: str | None = None
    """Why something is null."""

    def holds(self, floor: float) -> bool:
        """Tell whether no more than ``floor`` was lost; rounding of the last digit is no loss."""
        return self.loss is not None and self.loss <= floor + 1e-9

    def json(self) -> dict[str, JsonValue]:
        """Return the fields."""
        return asdict(self)


class Yardstick:
    """Measures predictions of some rows against those of the original, by the metric that decides."""

    def __init__(self, problem: Problem, y: np.ndarray, original: np.ndarray) -> None:
        self.problem, self.y = problem, y
        self.metric: Metric = problem.primary
        self.original = self._score(original)

    @property
    def relative(self) -> bool:
        """True where a loss is a share of the original's error, False where it is a difference of scores."""
        return not self.metric.higher_is_better

    def words(self, share: float | None) -> str:
        """Return a loss as a person reads it."""
        if share is None:
            return "unknown"
        number = f"{100 * share:.3g}"
        return f"{number} % of the error" if self.relative else f"{number} point{'' if number == '1' else 's'}"

    def loss(self, prediction: np.ndarray) -> Loss:
        """Measure what ``prediction``, shaped as the original's, costs."""
        scores = self._score(prediction)
        before, after = self._value(self.original), self._value(scores)
        if before.value is None or after.value is None:
            return Loss(before.value, after.value, None, reason=before.reason or after.reason)
        unit = before.value if self.relative else -1.0
        if unit == 0:
            return Loss(
                before.value, after.value, None, reason="the original makes no error: no share of it can be told"
            )
        apart = scores.difference(self.metric, self.original)
        low, high = (
            (None, None) if apart.low is None or apart.high is None else sorted((apart.low / unit, apart.high / unit))
        )
        lost = (after.value - before.value) / unit + 0.0  # no negative zero
        return Loss(before.value, after.value, lost, low, high, apart.reason)

    def _value(self, scores: Scores) -> Interval:
        return scores.mean(self.metric)

    def _score(self, prediction: np.ndarray) -> Scores:
        return score_by(self.metric, self.problem.what, self.y, prediction, RESAMPLES)
