"""How far values are from what is wanted, and how likely the truth is within it."""

import numpy as np
from scipy.special import ndtr

from scitrain.generation.goals import Goal

__all__ = ["chance", "miss"]


def miss(goal: Goal, values: np.ndarray, scale: float) -> np.ndarray:
    """Return how far values (n,) lie outside a goal, in units of ``scale``: 0 where satisfied, infinite where unknown."""
    low, high = goal.ends
    apart = np.maximum(np.maximum(low - values, values - high), 0.0) / scale
    return np.where(np.isfinite(values), apart, np.inf)


def chance(goal: Goal, values: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Return the probability (n,) that the true values lie within the goal, errors being normal; 0 or 1 where nothing is uncertain."""
    low, high = goal.ends
    known = deviations > 0
    wide = np.where(known, deviations, 1.0)
    likely = ndtr((high - values) / wide) - ndtr((low - values) / wide)
    found = np.where(known, likely, (miss(goal, values, 1.0) == 0).astype(float))
    return np.where(np.isfinite(values), found, 0.0)
