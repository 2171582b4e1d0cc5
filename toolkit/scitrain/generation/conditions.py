"""Properties a generator was taught to heed: their units, ranges and scales."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.generation.goals import Goal
from scitrain.spec import Spec

__all__ = ["FARTHEST", "Condition", "Told", "asked_goals", "asked_values", "learn_conditions", "standardised"]

FARTHEST = 0.5
"""How far outside the trained range, as a share of it, a condition is still tried; beyond, nothing that was learned bears on it."""


class Condition(Spec):
    """One property, in its own unit."""

    name: str
    unit: str | None = None
    mean: float
    scale: float = Field(gt=0)
    """Standard deviation over the training rows."""
    low: float
    """Smallest trained value."""
    high: float
    calculated: bool = False
    """True where scitrain calculates it from the structure, so that draws can be checked."""

    def words(self, value: float) -> str:
        """Return a value with its name and unit."""
        return f"{self.name}={value:g}{f' {self.unit}' if self.unit else ''}"


def learn_conditions(
    names: Sequence[str], units: Mapping[str, str], values: np.ndarray, calculated: frozenset[str]
) -> tuple[Condition, ...]:
    """Return the conditions of columns of ``values`` (n, properties), NaN where a row has none."""
    found = []
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if len(known) < 2 or known.std() == 0:
            raise ScitrainError(
                f"condition {name!r} has {len(np.unique(known))} distinct value(s); it takes two or more to learn from"
            )
        found.append(
            Condition(
                name=name,
                unit=units.get(name),
                mean=float(known.mean()),
                scale=float(known.std()),
                low=float(known.min()),
                high=float(known.max()),
                calculated=name in calculated,
            )
        )
    return tuple(found)


def standardised(conditions: Sequence[Condition], values: np.ndarray) -> np.ndarray:
    """Return float32 (n, properties) in standard deviations from the mean; NaN stays."""
    mean, scale = [c.mean for c in conditions], [c.scale for c in conditions]
    found: np.ndarray = ((values - np.array(mean)) / np.array(scale)).astype(np.float32)
    return found


def asked_values(conditions: Sequence[Condition], asked: Mapping[str, float]) -> tuple[np.ndarray, list[str]]:
    """Return standardised values (properties,), NaN where nothing is asked, and warnings of values outside the trained range.

    Raises:
        UnknownNameError: The generator heeds no such property.
        ScitrainError: A value lies too far outside the trained range.
    """
    known = {condition.name: condition for condition in conditions}
    if asked and not known:
        said = ", ".join(asked)
        raise ScitrainError(
            f"{said} cannot be asked for: this generator was trained without conditions; train it with conditions=[…]"
        )
    warnings, far = [], []
    for name, value in asked.items():
        if name not in known:
            raise UnknownNameError("condition of this generator", name, list(known))
        condition = known[name]
        margin = FARTHEST * (condition.high - condition.low)
        span = f"trained on {condition.low:g} … {condition.high:g}"
        if not condition.low - margin <= value <= condition.high + margin:
            far.append(
                f"{condition.words(value)} lies too far outside what was learned ({span}); ask within "
                f"{condition.low - margin:g} … {condition.high + margin:g}, or train with such rows"
            )
        elif not condition.low <= value <= condition.high:
            warnings.append(f"{condition.words(value)} lies outside what was learned ({span}): an extrapolation")
    if far:
        raise ScitrainError("\n".join(far))
    values = np.array([[asked.get(condition.name, np.nan) for condition in conditions]], dtype=np.float64)
    return standardised(conditions, values.reshape(1, len(conditions)))[0], warnings


@dataclass(frozen=True)
class Told:
    """What draws are told: of each property the same value, or values spread evenly between two ends."""

    low: np.ndarray
    """float32 (properties,), standardised, NaN where nothing is asked."""
    high: np.ndarray

    @property
    def same(self) -> bool:
        """All draws are told the same."""
        return np.array_equal(self.low, self.high, equal_nan=True)

    def values(self, count: int, seed: int) -> np.ndarray:
        """Return (properties,) of all draws where they are told the same, else (count, properties)."""
        if self.same:
            return self.low
        shares = np.random.default_rng(seed).random((count, len(self.low)), dtype=np.float32)
        return np.asarray(self.low + shares * (self.high - self.low))


def asked_goals(conditions: Sequence[Condition], goals: Mapping[str, Goal]) -> tuple[Told, list[str]]:
    """Return what draws are told, and warnings of values outside the trained range; a tolerance is for who judges.

    Raises:
        UnknownNameError: The generator heeds no such property.
        ScitrainError: A goal has no value or no two ends, or lies too far outside the trained range.
    """
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for name, goal in goals.items():
        ends = (goal.value, goal.value) if goal.value is not None else (goal.min, goal.max)
        if ends[0] is None or ends[1] is None or goal.direction is not None:
            raise ScitrainError(
                f"{name}: {goal.words()} cannot be told to a generator; give a value, or min and max to spread values between; "
                "design_materials searches for the most or the least"
            )
        low[name], high[name] = ends[0], ends[1]
    (least, warned), (most, more) = (asked_values(conditions, one) for one in (low, high))
    return Told(least, most), list(dict.fromkeys([*warned, *more]))
