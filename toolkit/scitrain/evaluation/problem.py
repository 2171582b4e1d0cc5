"""What is judged, and on what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.slots import Slot, own_labels, slots_of
from scitrain.evaluation.conformal import MEDIAN
from scitrain.evaluation.metrics import METRICS, PRIMARY, Metric
from scitrain.evaluation.scoring import What

__all__ = ["Predicted", "Problem"]


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

    @property
    def what(self) -> What:
        """Return the task, or where each of mixed targets lies."""
        return slots_of(self.task, self.targets) if self.task == "mixed" else self.task

    def parts(self) -> list[tuple["Problem", Slot]]:
        """Return each target as a problem of its own, with where it lies among the outputs."""
        slots = slots_of(self.task, self.targets)
        return [(replace(self, task=s.task, targets=(t,)), s) for s, t in zip(slots, self.targets, strict=True)]

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
    """(n, targets) values or probabilities of the positive class; (n, classes) for ``multiclass``; both side by side for ``mixed``."""
    spread: np.ndarray | None = None
    """Shaped so, standard deviation over the members of an ensemble, or learned; of numbers only."""
    inside: np.ndarray | None = None
    """bool (n,): row lies in the training domain."""
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Predictions of the simple models by name, each shaped as ``prediction``."""
    ends: np.ndarray | None = None
    """(n, targets, 2), learned quantiles before calibration."""
    floor: float = MEDIAN
    """Quantile of the spreads below which no interval goes; see `fit_conformal`."""

    def part(self, slot: Slot, index: int) -> "Predicted":
        """Return what is said of one of several targets, as its own task has it."""
        at = slice(slot.start, slot.end)
        numbers = slot.task == "regression"
        return Predicted(
            y=own_labels(slot, self.y, index),
            prediction=self.prediction[:, at],
            spread=None if self.spread is None or not numbers else self.spread[:, at],
            inside=self.inside,
            baselines={name: said[:, at] for name, said in self.baselines.items()},
            floor=self.floor,
        )
