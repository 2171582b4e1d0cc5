"""How far a candidate may be from what was asked of it, where that can be calculated."""

from collections.abc import Callable, Mapping, Sequence

from scitrain.chem.calculated import calculate_for
from scitrain.errors import ScitrainError
from scitrain.generation.conditions import Condition
from scitrain.generation.goals import Goal

__all__ = ["check_tolerance", "meets"]


def check_tolerance(conditions: Sequence[Condition], goals: Mapping[str, Goal]) -> None:
    """Refuse a tolerance that nobody can hold a candidate to.

    Raises:
        ScitrainError: The property was learned from a column.
    """
    calculated = {one.name for one in conditions if one.calculated}
    learned = [name for name, goal in goals.items() if goal.tolerance is not None and name not in calculated]
    if learned:
        raise ScitrainError(
            "\n".join(
                f"tolerance of {name!r}: it was learned from a column and cannot be calculated of a new candidate; leave the tolerance "
                "out, and have evaluate_candidates or design_materials predict it"
                for name in learned
            )
        )


def meets(kind: str, goals: Mapping[str, Goal]) -> Callable[[str], bool]:
    """Return a test of canonical SMILES or reduced formulas: each property with a tolerance lies within it."""
    held = {name: goal.ends for name, goal in goals.items() if goal.tolerance is not None}

    def met(key: str) -> bool:
        values = calculate_for(kind, [key], list(held))[0] if held else ()
        return all(low <= value <= high for value, (low, high) in zip(values, held.values(), strict=True))

    return met
