"""Goals held against what the predictors learned from: far outside it, a search finds errors alone."""

from collections.abc import Mapping

import numpy as np

from scitrain.errors import ScitrainError
from scitrain.generation.conditions import FARTHEST
from scitrain.generation.goals import Goal
from scitrain.workflow.design_rivals import Known

__all__ = ["check_reach"]


def check_reach(goals: Mapping[str, Goal], known: Known, units: Mapping[str, str]) -> list[str]:
    """Return warnings of goals that begin outside the training labels, or outside what is known of a calculated property.

    A calculated property is right everywhere, so it is never refused.

    Raises:
        ScitrainError: A predicted one lies farther outside its training labels than `FARTHEST` of their range.
    """
    warned, far = [], []
    for name, goal in goals.items():
        span = known.learned.get(name) or _span(known.measured.get(name, np.zeros(0)))
        if span is None:
            continue
        low, high = span
        nearest = _nearest(goal, low, high)
        if low <= nearest <= high:
            continue
        unit = f" {units[name]}" if units.get(name) else ""
        said, margin = f"{name} {goal.words(units.get(name))}", FARTHEST * (high - low)
        if name not in known.learned:
            warned.append(f"{said} lies outside the known materials ({low:g} … {high:g}{unit})")
        elif low - margin <= nearest <= high + margin:
            warned.append(f"{said} lies outside the training labels ({low:g} … {high:g}{unit}): an extrapolation")
        else:
            far.append(
                f"{said} lies too far outside the training labels of its predictor ({low:g} … {high:g}{unit}); ask within "
                f"{low - margin:g} … {high + margin:g}, or train with such rows"
            )
    if far:
        raise ScitrainError("\n".join(far))
    return warned


def _span(values: np.ndarray) -> tuple[float, float] | None:
    there = values[np.isfinite(values)]
    return (float(there.min()), float(there.max())) if len(there) else None


def _nearest(goal: Goal, low: float, high: float) -> float:
    """Return the wanted value nearest to a range: a value itself, for its tolerance is no wish; of a range the nearer end."""
    if goal.value is not None:
        return goal.value
    least, most = goal.ends
    return min(max(low, least), most) if least > high or most < low else low
