"""Candidates and reference sets as texts: from the request, a table, or a run."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter

from scitrain.data.read import read
from scitrain.data.roles import recognise, sample_rows
from scitrain.data.source import Source
from scitrain.data.values import numbers
from scitrain.errors import DataError, RunStateError, UnknownNameError, listed
from scitrain.generation.given import Kind
from scitrain.generation.goals import Goal, Goals
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["ASKED", "CANDIDATES", "Listed", "builtin_formulas", "listed_in", "made_from", "of_run", "texts_of"]

CANDIDATES = "results/candidates.csv"
ASKED = "asked_"
"""Before the name of a property: the column of what each candidate was asked for."""
NAMED = ("candidate", "canonical", "smiles", "formula", "composition", "selfies")
"""Columns that hold the materials where several might, the likeliest first."""


class Listed(NamedTuple):
    """Candidates as a table lists them."""

    texts: list[str]
    asked: dict[str, np.ndarray]
    """By property the value (n,) that each was asked for, as generate_candidates writes it; NaN where none was."""


def listed_in(source: str, workspace: Workspace, kind: Kind | None, column: str | None = None) -> Listed:
    """Return the column of a table that holds molecules or formulas, and what each was asked for.

    Raises:
        UnknownNameError: There is no column of that name.
        DataError: No column, or several, could be meant.
    """
    table = read(source, workspace)
    name = _column(source, table, kind, column)
    asked = {
        other.removeprefix(ASKED): numbers(cells).values
        for other, cells in table.columns.items()
        if other.startswith(ASKED)
    }
    return Listed(list(table.columns[name]), asked)


def texts_of(source: str, workspace: Workspace, kind: Kind | None, column: str | None = None) -> list[str]:
    """Return the texts that `listed_in` returns."""
    return listed_in(source, workspace, kind, column).texts


def _column(source: str, table: Source, kind: Kind | None, column: str | None) -> str:
    if column is not None:
        if column not in table.columns:
            raise UnknownNameError("column", column, list(table.columns))
        return column
    if len(table.columns) == 1:
        return next(iter(table.columns))
    named = [name for name in table.columns if name.lower() in NAMED]
    if not named:
        named = _recognised(source, sample_rows(table, 0), kind)
    return min(named, key=lambda name: NAMED.index(name.lower()) if name.lower() in NAMED else len(NAMED))


def _recognised(source: str, sample: Mapping[str, Sequence[str]], kind: Kind | None) -> list[str]:
    found = []
    for modality in [kind] if kind else ["smiles", "formula"]:
        try:
            found += list(recognise(sample, modality)[1].columns)
        except DataError:
            continue
    if len(found) == 1:
        return found
    what = "none looks like SMILES or formulas" if not found else f"{listed(found)} could all be meant"
    raise DataError(f"which column of {source} holds the candidates? {what}; say column; there are {listed(sample)}")


def of_run(run_id: str, workspace: Workspace, column: str | None = None) -> Listed:
    """Return the candidates that a run left.

    Raises:
        RunStateError: It left none.
    """
    run = Run.open(run_id, workspace)
    path = run.path / CANDIDATES
    if not path.is_file():
        raise RunStateError(
            f"run {run_id} ({run.record().operation}) has no {CANDIDATES}; give a run of generate_candidates or design_materials"
        )
    return listed_in(str(path), workspace, None, column)


def builtin_formulas(workspace: Workspace) -> list[str]:
    """Return the measured compounds that ship inside pymatgen."""
    return list(read("builtin:formation-enthalpy", workspace).columns["formula"])


def made_from(run: Run) -> tuple[str | None, dict[str, Goal]]:
    """Return the data that the generator behind a run of candidates learned from, and what it was asked for."""
    spec = run.record().spec
    asked = spec.get("conditions")
    wanted = TypeAdapter(Goals).validate_python(asked) if isinstance(asked, dict) else {}
    source = spec.get("run")
    learned = Run.open(source, run.workspace).record().spec if isinstance(source, str) else spec
    data = learned.get("data")
    return (data if isinstance(data, str) else None), wanted
