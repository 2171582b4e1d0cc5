"""Which candidates are better: those sure to be within every goal, then those that miss by least; and what none beats in all goals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scitrain.generation.goals import Goal
from scitrain.generation.satisfaction import chance, miss

__all__ = ["Ranked", "directed", "front", "rank", "scale_of"]


@dataclass(frozen=True)
class Ranked:
    """How m candidates do."""

    misses: Mapping[str, np.ndarray]
    """By goal, (m,): how far outside, in the units of `scale_of`; 0 satisfies."""
    satisfied: np.ndarray
    """bool (m,): within every goal."""
    chance: np.ndarray
    """(m,) probability that the truth is within every goal, the properties' errors taken as independent."""
    score: np.ndarray
    """(m,): 1 + s(q) where satisfied, else s(q); the larger the better, −inf where a value is missing.

    q = −Σ log(1 + miss) + chance + Σ directed gains within their ranges, and s(q) = ½ (1 + q / (1 + |q|)), so that no gain, however
    large, comes before a goal. The logarithm keeps a goal that is far away, such as a price, from hiding all others."""


def scale_of(goal: Goal, known: np.ndarray) -> float:
    """Return the unit in which a miss counts: the tolerance, half a range, a tenth of a bound.

    Where there is neither (a direction alone, a bound of zero) it is the standard deviation of the known values, or 1. The spread of a
    price says nothing of how near a cheap one is; the bound does.
    """
    spread = float(np.std(known[np.isfinite(known)])) if np.isfinite(known).any() else 0.0
    low, high = goal.ends
    if np.isfinite(low) and np.isfinite(high) and high > low:
        return (high - low) / 2
    bound = abs(low if np.isfinite(low) else high if np.isfinite(high) else 0.0)
    return bound / 10 or spread or 1.0


def rank(
    goals: Mapping[str, Goal],
    values: Mapping[str, np.ndarray],
    deviations: Mapping[str, np.ndarray],
    scales: Mapping[str, float],
) -> Ranked:
    """Rank candidates by their values (m,) and standard deviations; a property without deviations is taken as exact."""
    n = len(next(iter(values.values())))
    misses = {name: miss(goal, values[name], scales[name]) for name, goal in goals.items()}
    likely = np.ones(n)
    gain = np.zeros(n)
    for name, goal in goals.items():
        likely *= chance(goal, values[name], deviations.get(name, np.zeros(n)))
        if goal.direction is not None:
            gain += directed(goal, values[name]) / scales[name]
    total = np.sum([np.log1p(apart) for apart in misses.values()], axis=0)
    there = np.isfinite(total)
    quality = np.where(there, -np.where(there, total, 0.0) + likely + gain, 0.0)
    score = (total == 0) + 0.5 * (1 + quality / (1 + np.abs(quality)))
    return Ranked(misses, total == 0, likely, np.where(there, score, -np.inf))


def directed(goal: Goal, values: np.ndarray) -> np.ndarray:
    """Return values (n,) that are better the larger they are, 0 without a direction; beyond the goal's range nothing is gained."""
    sign = {"maximize": 1.0, "minimize": -1.0, None: 0.0}[goal.direction]
    return np.asarray(sign * np.clip(np.nan_to_num(values), *goal.ends))


def front(objectives: np.ndarray) -> np.ndarray:
    """Return the rows (k,) of objectives (m, g), each to be made large, that no other row beats in one and equals in the rest."""
    order = np.lexsort(-objectives.T[::-1])
    kept: list[int] = []
    for row in order:
        rivals = objectives[kept]
        beaten = (rivals >= objectives[row]).all(axis=1) & (rivals > objectives[row]).any(axis=1)
        if not beaten.any():
            kept.append(int(row))
    return np.sort(np.array(kept, dtype=np.int64))
