"""Candidates as they were given, and as they count: read, written in one way, repeated, known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from scitrain.errors import DataError, listed
from scitrain.generation.measures import Measure, share_of, undefined

__all__ = ["Given", "Kind", "common_measures", "identities", "read_given", "recognise_kind"]

Kind = Literal["smiles", "formula"]
Tick = Callable[[int, int], None]
LOOKED_AT = 200
"""Candidates that tell what kind all are."""


@dataclass(frozen=True)
class Given:
    """Candidates row by row; row i of all that is made of them means ``texts[i]``."""

    kind: Kind
    texts: Sequence[str]
    names: list[str]
    """What makes two rows the same material: canonical SMILES of the parent, or reduced formula; empty where invalid."""
    errors: Mapping[int, str]
    """Row to why it cannot be read."""
    reference: frozenset[str] | None
    """The same names of the training or reference set; None where there is none."""
    asked: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By property the value (n,) that each was asked for, NaN where none was."""

    @cached_property
    def valid(self) -> np.ndarray:
        """Bool (n,)."""
        return np.array([bool(name) for name in self.names], dtype=bool)

    @cached_property
    def repeats(self) -> dict[int, int]:
        """Return row → the earlier row of the same material."""
        first: dict[str, int] = {}
        return {row: at for row, name in enumerate(self.names) if name and (at := first.setdefault(name, row)) != row}

    @cached_property
    def unique(self) -> np.ndarray:
        """Rows (m,) that are valid and the first of their material."""
        return np.array(
            [row for row, name in enumerate(self.names) if name and row not in self.repeats], dtype=np.int64
        )

    @cached_property
    def known(self) -> np.ndarray | None:
        """Bool (n,): the material is in the reference."""
        return None if self.reference is None else np.array([name in self.reference for name in self.names], dtype=bool)


def recognise_kind(texts: Sequence[str]) -> Kind:
    """Tell molecules from formulas, by what more of the first candidates read as.

    ``CO``, ``NO`` and the like are both: what decides is the rest. Formulas write amounts that no SMILES has, SMILES bonds and rings.

    Raises:
        DataError: Nothing can be read, or both kinds are mixed.
    """
    shown = [text.strip() for text in texts if text.strip()][:LOOKED_AT]
    formulas, molecules = identities("formula", shown)[0], identities("smiles", shown)[0]
    only_formulas = [t for t, f, m in zip(shown, formulas, molecules, strict=True) if f and not m]
    only_molecules = [t for t, f, m in zip(shown, formulas, molecules, strict=True) if m and not f]
    if only_formulas and only_molecules and min(len(only_formulas), len(only_molecules)) > 0.1 * len(shown):
        raise DataError(
            f"{len(only_formulas)} of the first {len(shown)} candidates read as formulas alone (such as {only_formulas[0]!r}) and "
            f"{len(only_molecules)} as SMILES alone (such as {only_molecules[0]!r}); judge the two apart, or say modality"
        )
    if not any(formulas) and not any(molecules):
        raise DataError(
            f"none of the first {len(shown)} candidates reads as a SMILES or as a formula ({listed(map(repr, shown), 3)}); "
            "expected texts such as CCO or Fe2O3, the path of a file with its ending, or the id of a run that left some; "
            "to have bad ones counted as invalid, say modality='smiles' or 'formula'"
        )
    return "formula" if len(only_formulas) > len(only_molecules) else "smiles"


def identities(kind: Kind, texts: Sequence[str], tick: Tick | None = None) -> tuple[list[str], dict[int, str]]:
    """Return the name of each material, empty where it cannot be read, and the reasons by row."""
    if kind == "smiles":
        from scitrain.chem.molecules import standardise

        found = standardise(texts, tick)
        return [one.smiles or "" for one in found], {i: one.error for i, one in enumerate(found) if one.error}
    from scitrain.chem.formulas import FormulaError, reduced

    names, errors = [], {}
    for row, text in enumerate(texts):
        try:
            names.append(reduced(text))
        except FormulaError as error:
            names.append("")
            errors[row] = str(error)
    return names, errors


def read_given(kind: Kind, texts: Sequence[str], reference: Sequence[str] | None, tick: Tick | None = None) -> Given:
    """Read candidates and reference alike; rows of the reference that cannot be read are left aside.

    Raises:
        DataError: None of the reference can be read: everything would be new beside it.
    """
    names, errors = identities(kind, texts, tick)
    known = None if reference is None else frozenset(identities(kind, reference, tick)[0]) - {""}
    if reference is not None and not known:
        what = "SMILES" if kind == "smiles" else "a formula"
        first = f"the first is {reference[0]!r}" if reference else "it is empty"
        raise DataError(
            f"none of the {len(reference):,} rows of the reference reads as {what} ({first}), as the candidates do; give known "
            "materials of the same kind, or leave reference out"
        )
    return Given(kind, texts, names, errors, known)


WHAT = {
    "smiles": (
        "share that RDKit reads and standardises (MOSES, Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644)",
        "canonical SMILES of the parent molecule",
    ),
    "formula": ("share that reads as a neutral formula of known elements with positive amounts", "reduced formula"),
}


def common_measures(given: Given) -> list[Measure]:
    """Return validity, uniqueness and novelty, as MOSES defines them, with Wilson's intervals."""
    validity, identity = WHAT[given.kind]
    rows = np.flatnonzero(given.valid)
    first = np.isin(rows, given.unique)
    novelty = f"share of the unique valid candidates whose {identity} is not in the reference set"
    return [
        share_of("validity", given.valid, validity),
        share_of("uniqueness", first, f"share of the valid candidates that are the first with their {identity}"),
        undefined("novelty", novelty, "no reference set was given")
        if given.known is None
        else share_of("novelty", ~given.known[given.unique], novelty),
    ]
