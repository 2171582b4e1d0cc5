"""The column names of a file, from its header alone: enough to refuse a misspelt one before a run is made."""

from scitrain.data.builtin import PREFIX
from scitrain.data.delimited import sniff
from scitrain.data.options import DataOptions
from scitrain.data.read import TEXT_ENDINGS, locate
from scitrain.data.roles import as_list, check_names, no_time
from scitrain.data.tables import parquet_names
from scitrain.errors import DataError, UnknownNameError
from scitrain.workspace import Workspace

__all__ = ["check_columns", "header"]

MOST = 128 << 20
"""Bytes of a text file that is looked into: encoding and quotes are read off the whole of it, in half a second at most."""


def header(source: str, workspace: Workspace) -> tuple[str, ...] | None:
    """Return the columns that a CSV, TSV or Parquet file names; None where only reading all of it would tell.

    Raises:
        ScitrainError: There is no such file, it may not be read, or it is no table.
    """
    if source.startswith(PREFIX):
        return None
    path = locate(source, workspace)
    if path.is_dir():
        return None
    if path.suffix.lower() in (".parquet", ".pq"):
        return parquet_names(path)
    small = 0 < path.stat().st_size <= MOST
    return sniff(path).names if small and path.suffix.lower() in TEXT_ENDINGS else None


def check_columns(options: DataOptions, workspace: Workspace) -> None:
    """Refuse names of columns that the file does not have, before anything is read or written.

    Raises:
        UnknownNameError: Says the near name.
        DataError: A column is both target and input, or a split by time names none.
    """
    columns = header(options.data, workspace)
    more = () if options.auxiliary is None else header(options.auxiliary, workspace)
    if columns is None or more is None:
        return
    helping = [name for name in as_list(options.target) if more and name not in columns]
    for name in helping:
        if name not in more:
            raise UnknownNameError("column", name, [*columns, *more])
    check_names(options, [*columns, *helping])
    for wanted in as_list(options.inputs):
        if more and wanted not in more:
            raise UnknownNameError(f"column (an input of the data) in {options.auxiliary}", wanted, more)
    series = options.series
    for said in () if series is None else (series.id, series.time):
        if said is not None and said not in columns:
            raise UnknownNameError("column", said, columns)
    if options.split.kind == "time" and options.split.column is None and (series is None or series.horizon is None):
        raise DataError(no_time(columns))
