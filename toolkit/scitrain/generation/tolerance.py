"""How far a candidate may be from what was asked of it, where that can be calculated."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scitrain.chem.calculated import calculate_for
from scitrain.errors import ScitrainError
from scitrain.generation.conditions import Condition
from scitrain.generation.generator import Candidate
from scitrain.generation.goals import Goal

__all__ = ["meets", "tolerances_of"]

SHARE = 0.5
"""Of the training rows' standard deviation, which is kept to where no tolerance is named: a network alone follows a number loosely."""


def tolerances_of(conditions: Sequence[Condition], goals: Mapping[str, Goal]) -> dict[str, float]:
    """Return how far from the asked value a candidate may be, of each property that can be calculated.

    Raises:
        ScitrainError: A tolerance is named of a property that was learned from a column.
    """
    calculated = {one.name: SHARE * one.scale for one in conditions if one.calculated}
    learned = [name for name, goal in goals.items() if goal.tolerance is not None and name not in calculated]
    if learned:
        raise ScitrainError(
            "\n".join(
                f"tolerance of {name!r}: it was learned from a column and cannot be calculated of a new candidate; leave the tolerance "
                "out, and have evaluate_candidates or design_materials predict it"
                for name in learned
            )
        )
    return {name: goal.tolerance or calculated[name] for name, goal in goals.items() if name in calculated}


def meets(kind: str, conditions: Sequence[Condition], goals: Mapping[str, Goal]) -> Callable[[Candidate], bool]:
    """Return a test of candidates: each property that can be calculated lies within its tolerance of what was asked."""
    near = tolerances_of(conditions, goals)
    places = {one.name: (place, one) for place, one in enumerate(conditions)}

    def asked(name: str, candidate: Candidate) -> float:
        place, condition = places[name]
        if candidate.told:
            return condition.mean + condition.scale * candidate.told[place]
        goal = goals[name]
        said = goal.min if goal.value is None else goal.value
        return np.nan if said is None else said

    def met(candidate: Candidate) -> bool:
        values = calculate_for(kind, [candidate.key], list(near))[0] if near else ()
        return all(
            abs(value - asked(name, candidate)) <= reach
            for value, (name, reach) in zip(values, near.items(), strict=True)
        )

    return met
