"""How far a candidate may be from what was asked of it, where that can be calculated."""

from collections.abc import Callable, Mapping, Sequence

from scitrain.chem.calculated import calculate_for
from scitrain.errors import ScitrainError
from scitrain.generation.conditions import Condition

__all__ = ["check_tolerance", "meets"]


def check_tolerance(
    conditions: Sequence[Condition], asked: Mapping[str, float], tolerance: Mapping[str, float]
) -> None:
    """Refuse what cannot be held.

    Raises:
        ScitrainError: A property that is not asked for or cannot be calculated, or a tolerance that nothing meets.
    """
    calculated = {one.name for one in conditions if one.calculated}
    problems = []
    for name, width in tolerance.items():
        if name not in asked:
            problems.append(
                f"tolerance of {name!r}: no value is asked for; name it in conditions too, as {{{name!r}: …}}"
            )
        elif name not in calculated:
            problems.append(
                f"tolerance of {name!r}: it was learned from a column and cannot be calculated of a new candidate; leave it out, and "
                "have evaluate_candidates or design_materials predict it"
            )
        if not width > 0:
            problems.append(f"tolerance of {name!r} is {width:g}; expected a number above 0, in the property's unit")
    if problems:
        raise ScitrainError("\n".join(problems))


def meets(kind: str, asked: Mapping[str, float], tolerance: Mapping[str, float]) -> Callable[[str], bool]:
    """Return a test of canonical SMILES or reduced formulas: each property lies no farther from what was asked than it may."""
    names = list(tolerance)

    def met(key: str) -> bool:
        values = calculate_for(kind, [key], names)[0] if names else ()
        return all(abs(value - asked[name]) <= tolerance[name] for name, value in zip(names, values, strict=True))

    return met
