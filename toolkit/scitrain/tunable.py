"""The range a field declares beside its bounds, so that it can be searched."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Tunable"]


@dataclass(frozen=True)
class Tunable:
    """Marks a field that may be tuned: ``dropout: Annotated[float, Tunable(0.0, 0.6)] = Field(0.3, ge=0, lt=1)``.

    A whole-number field is searched in whole numbers. Without range and choices, the words of a ``Literal`` or the two
    values of a ``bool`` are the choices.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    """True where a factor matters and not a difference: the range is searched evenly in the logarithm."""
    choices: Sequence[str | int | float | list[int]] = ()
    usual: bool = True
    """False is searched only where a request names it."""
