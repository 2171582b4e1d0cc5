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
from scitrain.inference import read_config
from scitrain.runs import RUN_ID, Run
from scitrain.workflow.again import origin
from scitrain.workspace import Workspace

__all__ = [
    "ASKED",
    "CANDIDATES",
    "Listed",
    "Made",
    "Stored",
    "builtin_formulas",
    "listed_in",
    "made_from",
    "of_run",
    "stored_texts",
    "texts_of",
]

CANDIDATES = "results/candidates.csv"
REJECTED = "rejected_at"
"""Column in which a design says where a loser fell; empty for those that satisfy every goal."""
ASKED = "asked_"
"""Before the name of a property: the column of what each candidate was asked for."""
NAMED = ("candidate", "canonical", "smiles", "formula", "composition", "selfies")
"""Columns that hold the materials where several might, the likeliest first."""


class Listed(NamedTuple):
    """Candidates as a table lists them."""

    texts: list[str]
    asked: dict[str, np.ndarray]
    """By property the value (n,) that each was asked for, as generate_candidates writes it; NaN where none was."""
    of: int = 0
    """Rows of the table of a design, where some were rejected; else 0."""


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
    """Return the candidates that a run left: of a design those that were not rejected, or all where every one was.

    Raises:
        RunStateError: It left none.
    """
    run = Run.open(run_id, workspace)
    path = run.path / CANDIDATES
    if not path.is_file():
        raise RunStateError(
            f"run {run_id} ({run.record().operation}) has no {CANDIDATES}; give a run of generate_candidates or design_materials"
        )
    found = listed_in(str(path), workspace, None, column)
    rejected = read(str(path), workspace).columns.get(REJECTED)
    if rejected is None:
        return found
    kept = np.array([i for i, stage in enumerate(rejected) if not stage], dtype=np.int64)
    if not len(kept):
        return found._replace(of=len(rejected))
    asked = {name: values[kept] for name, values in found.asked.items()}
    return Listed([found.texts[i] for i in kept], asked, len(rejected))


def builtin_formulas(workspace: Workspace) -> list[str]:
    """Return the measured compounds that ship inside pymatgen."""
    return list(read("builtin:formation-enthalpy", workspace).columns["formula"])


class Stored(NamedTuple):
    """Materials in a file or builtin."""

    source: str
    column: str | None = None
    """None where it has to be recognised."""


class Made(NamedTuple):
    """What a run of candidates was made from, and for."""

    data: tuple[Stored, ...] = ()
    """What its generator learned from, or what its design took as known."""
    wanted: Mapping[str, Goal] = {}
    predictors: tuple[str, ...] = ()


def made_from(run: Run) -> Made:
    """Return what is known of the origin of the candidates that a run of generate_candidates or design_materials left."""
    spec = run.record().spec
    if "targets" in spec and "constraints" in spec:
        return _of_design(run)
    source = spec.get("run")
    learned = Run.open(source, run.workspace).record().spec if isinstance(source, str) else spec
    return Made(_stored(learned.get("data")), _goals(spec.get("conditions")))


def _of_design(run: Run) -> Made:
    spec = run.record().spec
    named = spec.get("predictors")
    predictors = tuple(map(str, named)) if isinstance(named, list) else ()
    data = _stored(spec.get("data"))
    for run_id in () if data else predictors:
        source = Run.open(run_id, run.workspace)
        data += _stored(origin(source).record().spec.get("data"), read_config(source).input_columns[0])
    generator = spec.get("generator")
    if not data and isinstance(generator, str) and RUN_ID.fullmatch(generator):
        data = made_from(Run.open(generator, run.workspace)).data
    return Made(data, _goals(spec.get("targets")), predictors)


def _stored(source: object, column: str | None = None) -> tuple[Stored, ...]:
    return (Stored(source, column),) if isinstance(source, str) else ()


def _goals(asked: object) -> dict[str, Goal]:
    return TypeAdapter(Goals).validate_python(asked) if isinstance(asked, dict) else {}


def stored_texts(stored: Sequence[Stored], workspace: Workspace, kind: Kind) -> list[str]:
    """Return the materials of several files."""
    return [text for one in stored for text in texts_of(one.source, workspace, kind, one.column)]
