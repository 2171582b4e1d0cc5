"""Screen candidates of a design: what is cheap first, then what the models say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.errors import UnknownNameError
from scitrain.generation.describe import Described, describe, units
from scitrain.generation.given import Kind
from scitrain.generation.goals import Goal
from scitrain.generation.pool import Pool
from scitrain.generation.satisfaction import miss
from scitrain.workflow.predictors import Predicted, Predictors, check_goals

__all__ = ["FLAGS", "Screen", "default_filters", "make_screen"]

FLAGS: dict[Kind, tuple[str, ...]] = {
    "smiles": ("pains_free", "brenk_free"),
    "formula": ("charge_neutral", "balanced", "balanced_or_alloy", "free_of_hazards"),
}
EASIEST = 6.0
"""Synthetic accessibility beyond which nobody would try."""


def default_filters(kind: Kind) -> tuple[str, ...]:
    """Return the filters of a request that names none."""
    return ("pains_free", "brenk_free") if kind == "smiles" else ("balanced",)


@dataclass(frozen=True)
class Screen:
    """What a candidate has to pass, in this order."""

    kind: Kind
    allow: frozenset[str]
    """Elements that may occur; empty: all."""
    forbid: frozenset[str]
    filters: tuple[str, ...]
    constraints: Mapping[str, Goal]
    predictors: Predictors
    units: Mapping[str, str]

    def look(self, names: Sequence[str], most: int, tick: Callable[[int, int], None] | None = None) -> Pool:
        """Describe and filter materials, and predict the first ``most`` of those that are left."""
        described = describe(self.kind, names, tick)
        fallen: dict[int, tuple[str, str]] = {}
        self._elements(names, fallen)
        self._computed(described, fallen)
        left = [i for i in range(len(names)) if i not in fallen]
        fallen |= dict.fromkeys(left[most:], ("budget", "the budget of predictions was used up"))
        predicted = self._predict(names, left[:most], fallen)
        for i in left[:most]:
            if predicted.inside is not None and not predicted.inside[i] and i not in fallen:
                fallen[i] = ("domain", "outside the training domain of a predictor")
        self._constrained(predicted, fallen)
        asked = np.zeros(len(names), dtype=bool)
        asked[left[:most]] = True
        inside = asked if predicted.inside is None else asked & predicted.inside
        told = [fallen.get(i, ("", "")) for i in range(len(names))]
        values = (predicted.values, predicted.low, predicted.high, predicted.deviations)
        reasons, stages = [reason for _, reason in told], [stage for stage, _ in told]
        return Pool(
            list(names), described.numbers, described.flags, described.words, *values, asked, inside, reasons, stages
        )

    def forbidden(self, name: str) -> list[str]:
        """Return the elements of a material that may not occur."""
        if not self.allow and not self.forbid:
            return []
        found = elements_of(self.kind, name)
        return sorted(s for s in found if s in self.forbid or (self.allow and s not in self.allow))

    def _elements(self, names: Sequence[str], fallen: dict[int, tuple[str, str]]) -> None:
        for i, name in enumerate(names):
            bad = self.forbidden(name)
            if bad:
                fallen[i] = ("elements", f"has {', '.join(bad)}, which may not occur")

    def _computed(self, described: Described, fallen: dict[int, tuple[str, str]]) -> None:
        for name in self.filters:
            for i in np.flatnonzero(~described.flags[name]):
                words = described.words.get(WORDS.get(name, ""), [])
                why = f" ({words[i]})" if words else ""
                fallen.setdefault(int(i), (name, f"is not {name.replace('_', ' ')}{why}"))
        for name, goal in self.constraints.items():
            if name in described.numbers:
                self._limit(name, goal, described.numbers[name], fallen)

    def _constrained(self, predicted: Predicted, fallen: dict[int, tuple[str, str]]) -> None:
        for name, goal in self.constraints.items():
            if name in predicted.values:
                self._limit(name, goal, predicted.values[name], fallen)

    def _limit(self, name: str, goal: Goal, values: np.ndarray, fallen: dict[int, tuple[str, str]]) -> None:
        unit = self.units[name]
        for i in np.flatnonzero(miss(goal, values, 1.0) > 0):
            shown = f"{values[i]:.4g}" if np.isfinite(values[i]) else "unknown"
            fallen.setdefault(int(i), (name, f"{name} is {shown}, not {goal.words(unit)}"))

    def _predict(self, names: Sequence[str], rows: list[int], fallen: dict[int, tuple[str, str]]) -> Predicted:
        """Predict some rows, and lay the answers out over all."""
        found, n = Predicted(), len(names)
        if not self.predictors.models:
            return found
        said = self.predictors.predict([names[i] for i in rows])
        parts = (("values", said.values), ("low", said.low), ("high", said.high), ("deviations", said.deviations))
        for part, columns in parts:
            for name, values in columns.items():
                getattr(found, part)[name] = _laid(values, rows, n)
        if said.inside is not None:
            found.inside = np.zeros(n, dtype=bool)
            found.inside[rows] = said.inside
        for name in said.values:
            for i in rows:
                if not np.isfinite(found.values[name][i]):
                    fallen.setdefault(i, ("predicted", f"no {name} can be predicted"))
        return found


WORDS = {"pains_free": "pains", "brenk_free": "brenk", "free_of_hazards": "hazards"}
"""What says more about a filter that was not passed."""


def _laid(values: np.ndarray, rows: list[int], n: int) -> np.ndarray:
    whole = np.full(n, np.nan)
    whole[rows] = values
    return whole


def elements_of(kind: Kind, name: str) -> set[str]:
    """Return the symbols of a material, hydrogens of a molecule included."""
    if kind == "formula":
        from scitrain.chem.formulas import parse

        return set(parse(name))
    from rdkit import Chem

    mol = Chem.MolFromSmiles(name)
    found = {atom.GetSymbol() for atom in mol.GetAtoms()}
    return found | ({"H"} if any(atom.GetTotalNumHs() for atom in mol.GetAtoms()) else set())


def make_screen(
    kind: Kind,
    elements: tuple[Sequence[str], Sequence[str]],
    filters: Sequence[str] | None,
    constraints: Mapping[str, Goal],
    predictors: Predictors,
) -> Screen:
    """Check the names and put the defaults in: molecules have to be makeable, compositions balanced.

    Raises:
        UnknownNameError: An element, filter or property that is not known; says the near name.
    """
    from scitrain.chem.element_screening import screening

    allow, forbid = elements
    for symbol in (*allow, *forbid):
        if symbol not in screening():
            raise UnknownNameError("element", symbol, list(screening()))
    for name in filters or ():
        if name not in FLAGS[kind]:
            raise UnknownNameError("filter", name, FLAGS[kind])
    known = units(kind) | predictors.units()
    check_goals(list(constraints), list(known))
    limits = dict(constraints)
    if kind == "smiles" and "sa" not in limits:
        limits["sa"] = Goal(max=EASIEST)
    chosen = default_filters(kind) if filters is None else tuple(filters)
    return Screen(kind, frozenset(allow), frozenset(forbid), chosen, limits, predictors, known)
