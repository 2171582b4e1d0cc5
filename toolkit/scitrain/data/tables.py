"""Parquet and JSON-lines files as columns of text."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scitrain.data.columns import TextColumn, text_column
from scitrain.data.delimited import Part
from scitrain.data.source import MAX_CELL, Broken
from scitrain.data.textfile import inspect_text
from scitrain.errors import DataError

__all__ = ["hash_file", "jsonl_parts", "parquet_names", "parquet_parts"]

BATCH = 65_536
UNREADABLE = "{} is no readable Parquet file: {}; write it anew"


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parquet_parts(path: Path, batch_rows: int = BATCH) -> Iterator[Part]:
    """Read a Parquet file, numbers turned into their shortest text; columns of lists or bytes are left out.

    Raises:
        DataError: It is damaged, or no column holds plain values.
    """
    try:
        file = pq.ParquetFile(path)
        names = _plain_names(path, file)
        done = 0
        for batch in file.iter_batches(batch_rows, columns=names):
            columns = {name: TextColumn(_as_text(array)) for name, array in zip(names, batch.columns, strict=True)}
            numbers = np.arange(done + 1, done + batch.num_rows + 1)
            done += batch.num_rows
            yield Part(columns, numbers, numbers)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(UNREADABLE.format(path.name, error)) from None


def parquet_names(path: Path) -> tuple[str, ...]:
    """Return the columns that `parquet_parts` gives, from the file's footer.

    Raises:
        DataError: It is damaged, or no column holds plain values.
    """
    try:
        return tuple(_plain_names(path, pq.ParquetFile(path)))
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(UNREADABLE.format(path.name, error)) from None


def _plain_names(path: Path, file: pq.ParquetFile) -> list[str]:
    names = [field.name for field in file.schema_arrow if _plain(field.type)]
    if not names:
        raise DataError(f"{path.name} has no column of plain values; it has {file.schema_arrow.names}")
    return names


def _plain(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not (
        pa.types.is_nested(value)
        or pa.types.is_binary(value)
        or pa.types.is_large_binary(value)
        or pa.types.is_fixed_size_binary(value)
    )


def _as_text(array: pa.Array) -> pa.Array:
    if pa.types.is_floating(array.type):
        # In a typed column NaN means missing; a formula or a word "NaN" can only stand in a text column.
        array = pc.if_else(pc.is_nan(array), None, array)
    return pc.cast(array, pa.large_string())


def jsonl_parts(path: Path, batch_rows: int = BATCH) -> Iterator[Part]:
    """Read one JSON object a line; the first batch says which columns there are.

    Raises:
        DataError: The file is empty or binary.
    """
    encoding = inspect_text(path).encoding
    names: list[str] | None = None
    records: list[dict[str, str]] = []
    places: list[tuple[int, int]] = []
    broken: list[Broken] = []
    row = 0
    with path.open(encoding=encoding) as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            row += 1
            record = _record(text, line)
            if isinstance(record, Broken):
                broken.append(replace(record, row=row))
                continue
            records.append(record)
            places.append((row, line))
            if len(records) == batch_rows:
                names = names or _names(records)
                yield _part(names, records, places, broken)
                records, places, broken = [], [], []
    if records or broken:
        yield _part(names or _names(records), records, places, broken)


def _record(text: str, line: int) -> dict[str, str] | Broken:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        return Broken(line, "", text.strip()[:200], f"is no JSON: {error}")
    if not isinstance(found, dict):
        return Broken(line, "", text.strip()[:200], 'is no JSON object such as {"smiles": "CCO", "y": 1.5}')
    cells = {str(name): _cell(value) for name, value in found.items()}
    long = next((name for name, cell in cells.items() if len(cell) > MAX_CELL), None)
    return (
        cells
        if long is None
        else Broken(
            line, long, cells[long][:80], f"value of {len(cells[long]):,} characters; at most {MAX_CELL:,} are read"
        )
    )


def _cell(value: object) -> str:
    # In a typed value NaN means missing; a formula "NaN" is text.
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _names(records: list[dict[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def _part(names: list[str], records: list[dict[str, str]], places: list[tuple[int, int]], broken: list[Broken]) -> Part:
    columns = {name: text_column([record.get(name, "") for record in records]) for name in names}
    numbers = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Part(columns, numbers[:, 0], numbers[:, 1], tuple(broken))
