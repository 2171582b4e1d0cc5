"""Read a source: a file, a folder of images, or a built-in set."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from scitrain.data.builtin import PREFIX, read_builtin
from scitrain.data.columns import TextColumn, take
from scitrain.data.delimited import Part, parts, sniff
from scitrain.data.images import folder_fingerprint, index_file, is_image_column, read_folder, resolve_images
from scitrain.data.source import Broken, Source
from scitrain.data.tables import hash_file, jsonl_parts, parquet_parts
from scitrain.data.textfile import inspect_text, what_else
from scitrain.data.units import split_unit
from scitrain.errors import DataError, listed
from scitrain.resources import available_memory
from scitrain.workspace import Workspace

__all__ = ["Batch", "Source", "fingerprint", "locate", "read", "stream", "whole"]

TEXT_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat")
GIB = 1 << 30
TEXT_GROWTH = 8
"""Bytes of memory that a byte of text takes until it is prepared, measured on a table of 10 columns and 1,000,000 rows."""
PARQUET_GROWTH = 24
PLACES = {".parquet": "row", ".pq": "row", ".sdf": "record", ".sd": "record"}


class Batch(dict[str, TextColumn]):
    """Some rows of a stream, as columns."""

    def __init__(self, columns: Mapping[str, TextColumn], errors: Mapping[int, str]) -> None:
        super().__init__(columns)
        self.errors = dict(errors)
        """Row index to why the row could not be read; its cells are empty."""


def read(source: str, workspace: Workspace) -> Source:
    """Read everything as text.

    Args:
        source: A path of a CSV, TSV, Parquet, JSONL or SDF file or an image folder, or ``builtin:NAME``.
        workspace: Says which files may be read.

    Raises:
        PathNotAllowedError: The path leads out of the folders that may be read.
        DataError: The file is empty, damaged, of an unknown kind, or holds no rows; says what to do.
    """
    if source.startswith(PREFIX):
        return read_builtin(source, workspace)
    path = locate(source, workspace)
    if path.is_dir():
        return read_folder(path, workspace)
    _refuse_huge(path)
    found = list(_parts(path))
    notes = sniff(path).notes if path.suffix.lower() in TEXT_ENDINGS else ()
    return _with_images(_join(path, found, notes), path.parent, workspace)


def locate(source: str, workspace: Workspace) -> Path:
    """Return the file to be read, or a folder of images; a folder with one table in it means that table.

    Raises:
        ScitrainError: Nothing is there, or it may not be read.
    """
    path = workspace.readable(source)
    if not path.is_dir():
        return path
    table = index_file(path)
    return path if table is None else workspace.readable(table)


def fingerprint(source: str, workspace: Workspace) -> str:
    """Return the content hash that `read` gives, without parsing."""
    if source.startswith(PREFIX):
        return read_builtin(source, workspace).fingerprint
    path = locate(source, workspace)
    return folder_fingerprint(path) if path.is_dir() else _file_fingerprint(path)


def stream(source: str, workspace: Workspace, batch_rows: int = 65_536) -> Iterator[tuple[Batch, np.ndarray]]:
    """Read a source in order, at most ``batch_rows`` rows at a time, in constant memory for files.

    Yields:
        A `Batch` of columns of text, and the int64 row numbers, counted from 1.

    Raises:
        DataError: As for `read`, except for broken rows: they come with empty cells and their reason in `Batch.errors`.
    """
    if source.startswith(PREFIX) or locate(source, workspace).is_dir():
        whole = read(source, workspace)
        pieces: Iterator[Part] = iter([Part(dict(whole.columns), whole.rows, whole.lines, whole.broken)])
    else:
        pieces = _with_image_paths(_parts(locate(source, workspace)), locate(source, workspace).parent, workspace)
    for part in pieces:
        yield from _batches(part, batch_rows)


def whole(source: Source) -> Iterator[tuple[Batch, np.ndarray]]:
    """Yield a source that is read already as one `Batch`; broken rows come as in `stream`."""
    yield from _batches(Part(dict(source.columns), source.rows, source.lines, source.broken), max(1, len(source)))


def _refuse_huge(path: Path) -> None:
    """Refuse a file that memory cannot hold, before the machine starts to swap."""
    size, free = path.stat().st_size, available_memory()
    needed = size * (PARQUET_GROWTH if path.suffix.lower() in {".parquet", ".pq"} else TEXT_GROWTH)
    if needed > free:
        raise DataError(
            f"{path.name} has {size / GIB:.1f} GiB; to prepare it takes about {needed / GIB:.1f} GiB of memory, and {free / GIB:.1f} GiB "
            "are free; give a part of its rows or columns, or use a machine with more memory"
        )


def _file_fingerprint(path: Path) -> str:
    return hash_file(path) if path.suffix.lower() in {".parquet", ".pq"} else inspect_text(path).fingerprint


def _parts(path: Path) -> Iterator[Part]:
    ending = path.suffix.lower()
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty (0 bytes); give a file with a header and at least one row")
    if ending in TEXT_ENDINGS:
        return parts(sniff(path))
    if ending not in READERS:
        known = listed((*TEXT_ENDINGS, *READERS))
        told = what_else(path)
        raise DataError(
            f"{path.name} is {told}"
            if told
            else f"{path.name} has an ending {ending!r} that is not known; give one of {known}, or a folder of images"
        )
    return READERS[ending](path)


def _sdf(path: Path) -> Iterator[Part]:
    from scitrain.data.sdf import sdf_parts  # RDKit is slow to load, and only SDF files need it

    return sdf_parts(path)


READERS: Mapping[str, Callable[[Path], Iterator[Part]]] = {
    ".parquet": parquet_parts,
    ".pq": parquet_parts,
    ".jsonl": jsonl_parts,
    ".ndjson": jsonl_parts,
    ".sdf": _sdf,
    ".sd": _sdf,
}


def _join(path: Path, found: list[Part], notes: tuple[str, ...]) -> Source:
    rows = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    broken = tuple(one for part in found for one in part.broken)
    place = PLACES.get(path.suffix.lower(), "line")
    _refuse_ruins(path, len(rows), broken, place)
    columns = {
        name: TextColumn(pa.chunked_array([part.columns[name].arrow for part in found])) for name in found[0].columns
    }
    return Source(
        name=path.name,
        columns=columns,
        rows=rows,
        lines=np.concatenate([part.lines for part in found]),
        fingerprint=_file_fingerprint(path),
        place=place,
        units={name: unit for name in columns if (unit := split_unit(name)[1])},
        notes=notes,
        broken=broken,
    )


def _refuse_ruins(path: Path, good: int, broken: tuple[Broken, ...], place: str) -> None:
    """Refuse a file without rows, or whose rows mostly do not fit: it is another kind of file than was thought."""
    if len(broken) > good:
        first = broken[0]
        raise DataError(
            f"{path.name}: {len(broken):,} of {len(broken) + good:,} rows cannot be read; the first is {place} {first.line}, which "
            f"{first.reason}: {first.shown!r}. Give every row as many cells as the header, with one delimiter throughout"
        )
    if good == 0:
        raise DataError(f"{path.name} has a header but no rows; add rows, or give another file")


def _with_images(source: Source, folder: Path, workspace: Workspace) -> Source:
    named = [name for name, cells in source.columns.items() if is_image_column(list(cells[:200]))]
    if not named:
        return source
    changed = {name: resolve_images(source.columns[name], folder, workspace) for name in named}
    return replace(source, columns={**source.columns, **changed}, folder=folder)


def _with_image_paths(pieces: Iterator[Part], folder: Path, workspace: Workspace) -> Iterator[Part]:
    for part in pieces:
        named = [name for name, cells in part.columns.items() if is_image_column(list(cells[:200]))]
        yield replace(
            part, columns={**part.columns, **{n: resolve_images(part.columns[n], folder, workspace) for n in named}}
        )


def _batches(part: Part, batch_rows: int) -> Iterator[tuple[Batch, np.ndarray]]:
    """Put broken rows where they stood, and cut what is long."""
    broken = {one.row: one for one in part.broken}
    rows = np.concatenate([part.rows, np.array(list(broken), dtype=np.int64)])
    reasons = {len(part.rows) + i: f"{one.reason}: {one.shown!r}" for i, one in enumerate(broken.values())}
    order = np.argsort(rows, kind="stable")
    blank = pa.array([""] * len(broken), pa.large_string())
    whole = {name: TextColumn(pa.concat_arrays([cells.arrow, blank])) for name, cells in part.columns.items()}
    for start in range(0, len(rows), batch_rows):
        chosen = order[start : start + batch_rows]
        errors = {i: reasons[int(j)] for i, j in enumerate(chosen) if int(j) in reasons}
        yield Batch(take(whole, chosen), errors), rows[chosen]
