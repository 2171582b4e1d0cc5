"""Candidates and reference sets as texts: from the request, a table, or a run."""

from collections.abc import Mapping, Sequence

from scitrain.data.read import read
from scitrain.data.roles import recognise, sample_rows
from scitrain.errors import DataError, RunStateError, UnknownNameError, listed
from scitrain.generation.given import Kind
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["CANDIDATES", "builtin_formulas", "made_from", "of_run", "texts_of"]

CANDIDATES = "results/candidates.csv"
NAMED = ("candidate", "canonical", "smiles", "formula", "composition", "selfies")
"""Columns that hold the materials where several might, the likeliest first."""


def texts_of(source: str, workspace: Workspace, kind: Kind | None, column: str | None = None) -> list[str]:
    """Return the column of a table that holds molecules or formulas.

    Raises:
        UnknownNameError: There is no column of that name.
        DataError: No column, or several, could be meant.
    """
    table = read(source, workspace)
    if column is not None:
        if column not in table.columns:
            raise UnknownNameError("column", column, list(table.columns))
        return list(table.columns[column])
    if len(table.columns) == 1:
        return list(next(iter(table.columns.values())))
    named = [name for name in table.columns if name.lower() in NAMED]
    if not named:
        named = _recognised(source, sample_rows(table, 0), kind)
    best = min(named, key=lambda name: NAMED.index(name.lower()) if name.lower() in NAMED else len(NAMED))
    return list(table.columns[best])


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


def of_run(run_id: str, workspace: Workspace, column: str | None = None) -> list[str]:
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
    return texts_of(str(path), workspace, None, column)


def builtin_formulas(workspace: Workspace) -> list[str]:
    """Return the measured compounds that ship inside pymatgen."""
    return list(read("builtin:formation-enthalpy", workspace).columns["formula"])


def made_from(run: Run) -> tuple[str | None, dict[str, float]]:
    """Return the data that the generator behind a run of candidates learned from, and what it was asked for."""
    spec = run.record().spec
    asked = spec.get("conditions")
    wanted = (
        {name: float(value) for name, value in asked.items() if isinstance(value, int | float)}
        if isinstance(asked, dict)
        else {}
    )
    source = spec.get("run")
    learned = Run.open(source, run.workspace).record().spec if isinstance(source, str) else spec
    data = learned.get("data")
    return (data if isinstance(data, str) else None), wanted
