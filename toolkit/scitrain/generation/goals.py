"""What is wanted of a property; imports nothing heavy."""

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from scitrain.spec import Spec

__all__ = ["Goal", "Goals", "spelled_out"]


class Goal(Spec):
    """A value with a tolerance, a range, a direction, or a range with a direction."""

    value: float | None = Field(None, allow_inf_nan=False)
    """Wanted value."""
    tolerance: float | None = Field(None, gt=0, allow_inf_nan=False)
    """How far from it still satisfies; null: a tenth of the value, at least 0.1."""
    min: float | None = Field(None, allow_inf_nan=False)
    """Least."""
    max: float | None = Field(None, allow_inf_nan=False)
    """Most."""
    direction: Literal["maximize", "minimize"] | None = None
    """Which way is better, inside the range where one is given."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.value is None and self.min is None and self.max is None and self.direction is None:
            raise ValueError("says nothing: give value (with tolerance), min, max or direction")
        if self.value is not None and (self.min, self.max, self.direction) != (None, None, None):
            raise ValueError("give value with tolerance, or min and max and direction, not both")
        if self.tolerance is not None and self.value is None:
            raise ValueError("tolerance belongs to a value; give value, or min and max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min={self.min:g} lies above max={self.max:g}: nothing can satisfy it; exchange them")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """Return least and most that satisfies, infinite where open."""
        if self.value is not None:
            reach = self.tolerance or max(abs(self.value) / 10, 0.1)
            return self.value - reach, self.value + reach
        return -math.inf if self.min is None else self.min, math.inf if self.max is None else self.max

    def words(self, unit: str | None = None) -> str:
        """Return the goal as a person says it, such as ``2 ± 0.2 eV``."""
        low, high = self.ends
        tail = f" {unit}" if unit else ""
        parts = []
        if self.value is not None:
            parts.append(f"{self.value:g} ± {high - self.value:g}{tail}")
        elif self.min is not None and self.max is not None:
            parts.append(f"{low:g} … {high:g}{tail}")
        elif self.min is not None or self.max is not None:
            parts.append(f"≥ {low:g}{tail}" if self.min is not None else f"≤ {high:g}{tail}")
        return ", ".join([*parts, *([self.direction] if self.direction else [])])


def spelled_out(goals: object) -> object:
    """Accept a bare number as the wanted value, and a direction as a word."""
    if not isinstance(goals, dict):
        return goals
    return {name: _spelled(goal) for name, goal in goals.items()}


def _spelled(goal: object) -> object:
    if isinstance(goal, int | float) and not isinstance(goal, bool):
        return {"value": goal}
    return {"direction": goal} if isinstance(goal, str) else goal


Goals = Annotated[dict[str, Goal], BeforeValidator(spelled_out), WithJsonSchema({"type": "object"})]
"""By property. A host keeps all schemas in mind, and a line says what a goal is."""
