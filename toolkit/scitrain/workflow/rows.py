"""Read the first rows of a table that was written."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue

__all__ = ["read_rows"]


def read_rows(path: Path, limit: int, texts: Iterable[str] = ()) -> list[dict[str, JsonValue]]:
    """Return at most ``limit`` rows of a CSV or Parquet file as objects, without reading the rest; empty cells are None.

    The columns ``texts`` are read as they are written: NaN is sodium nitride, NO nitric oxide, 007 no number.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    if path.suffix.lower() == ".parquet":
        batches = parquet.ParquetFile(path).iter_batches(batch_size=limit)
        found: list[dict[str, JsonValue]] = next(batches, pa.RecordBatch.from_pylist([])).to_pylist()
        return found
    kinds = dict.fromkeys(texts, pa.string())
    convert = csv.ConvertOptions(strings_can_be_null=True, null_values=[""], column_types=kinds)
    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(path, parse_options=parse, convert_options=convert) as reader:
        rows: list[dict[str, JsonValue]] = []
        for batch in reader:
            rows += batch.slice(0, limit - len(rows)).to_pylist()
            if len(rows) >= limit:
                break
    return rows
