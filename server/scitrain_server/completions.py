"""What could stand in an argument: runs, files of runs, models, data sets, columns."""

import csv
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from mcp.types import Completion

from scitrain.errors import RunNotFoundError, ScitrainError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

__all__ = ["complete"]

LIMIT = 100
"""Values the protocol lets an answer hold."""
TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".sdf")
FILES = 500
"""Files looked at in the workspace and each data root."""

Known = Callable[[Workspace, Mapping[str, str]], list[str]]


def complete(argument: str, typed: str, given: Mapping[str, str], workspace: Workspace) -> Completion:
    """Return the values of ``argument`` that begin with what is typed, then those that contain it."""
    values = COMPLETERS.get(argument, _nothing)(workspace, given)
    low = typed.lower()
    hits = [value for value in values if low in value.lower()]
    hits.sort(key=lambda value: not value.lower().startswith(low))
    return Completion(values=hits[:LIMIT], total=len(hits), has_more=len(hits) > LIMIT)


def _nothing(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    return []


def _runs(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    return run_ids(workspace)


def _paths(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    try:
        return Run.open(given.get("run_id", ""), workspace).artifacts()
    except RunNotFoundError:
        return []


def _families(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    from scitrain.models import FAMILIES

    return ["auto", *FAMILIES]


def _data(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    """Return the built-in sets and the tables in the folders that may be read."""
    from scitrain.data.builtin import BUILTINS, PREFIX

    found = [str(path) for root in (workspace.root, *(workspace.data_roots or ())) for path in _tables(root)]
    return [*(f"{PREFIX}{name}" for name in BUILTINS), *found]


def _tables(root: Path) -> list[Path]:
    folders = (
        [root, *(path for path in root.iterdir() if path.is_dir() and path.name not in ("runs", "datasets", "queue"))]
        if root.is_dir()
        else []
    )
    files = (path for folder in folders for path in sorted(folder.iterdir()) if path.suffix.lower() in TABLES)
    return list(islice(files, FILES))


def _columns(workspace: Workspace, given: Mapping[str, str]) -> list[str]:
    """Return the column names of what the argument ``data`` names; of a table only the first line is read."""
    from scitrain.data.builtin import PREFIX, read_builtin

    source = given.get("data", "")
    try:
        if source.startswith(PREFIX):
            return list(read_builtin(source, workspace).columns)
        path = workspace.readable(source)
    except ScitrainError:
        return []
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline(65_536)
    try:
        dialect = csv.Sniffer().sniff(head, delimiters=",;\t|")
    except csv.Error:
        return [head.strip()]
    return next(csv.reader([head], dialect), [])


COMPLETERS: Mapping[str, Known] = {
    "run_id": _runs,
    "run": _runs,
    "runs": _runs,
    "path": _paths,
    "model": _families,
    "family": _families,
    "data": _data,
    "target": _columns,
    "inputs": _columns,
    "column": _columns,
}
