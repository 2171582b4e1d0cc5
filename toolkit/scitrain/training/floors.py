"""Where labels pile up at their smallest value: below it nothing is predicted."""

import math

import numpy as np

__all__ = ["SPIKE", "WHY", "floors_of", "floors_told"]

SPIKE = 0.2
"""Share of equal labels that is a spike: the band gap of every metal is 0, what lies below a limit of detection is that limit."""

WHY = f"{SPIKE:.0%} or more of the training labels are this value, and none is smaller: no less is predicted"


def floors_of(labels: np.ndarray) -> tuple[float, ...]:
    """Return the smallest label of each column (n, targets) that has a spike there, −∞ of the others; nothing where none has."""
    found = tuple(_floor(column[~np.isnan(column)]) for column in labels.T)
    return found if any(map(math.isfinite, found)) else ()


def floors_told(floors: tuple[float, ...]) -> tuple[float | None, ...]:
    """Return floors as JSON knows them: null where a target has none."""
    return tuple(floor if math.isfinite(floor) else None for floor in floors)


def _floor(labels: np.ndarray) -> float:
    if not len(labels):
        return -math.inf
    least = labels.min()
    return float(least) if (labels == least).mean() >= SPIKE else -math.inf
