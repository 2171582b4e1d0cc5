"""Predictions as a table for people and programs: CSV or Parquet, written atomically, whatever the number of rows."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from scitrain.contracts.modality import Columns
from scitrain.data.prepared import Target
from scitrain.errors import DataError, ScitrainError
from scitrain.inference.config import TrainedConfig
from scitrain.inference.predictions import Predictions

if TYPE_CHECKING:
    import pyarrow as pa

    from scitrain.inference.labelling import Candidates
    from scitrain.inference.model import TrainedModel

__all__ = ["StreamSummary", "predict_stream", "prediction_columns", "shown_inputs", "write_predictions"]

SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class StreamSummary:
    """What a long prediction came to."""

    path: Path
    rows: int
    errors: int
    """Rows that could not be predicted; their reason is in the column ``error``."""
    outside: int | None
    """Rows outside the training domain, bad rows not counted; None where no domain was learned."""
    first_errors: tuple[str, ...]
    """The first few, as ``row 17: …``."""


def prediction_columns(
    config: TrainedConfig, columns: Columns, rows: np.ndarray, predictions: Predictions, y: np.ndarray | None = None
) -> "dict[str, pa.Array]":
    """Return the columns of the table in their order: row, inputs, per target label and predictions, domain, error.

    Args:
        config: Of the model.
        columns: Text columns carried along, each (n,).
        rows: (n,) number of each row in its source.
        predictions: n rows.
        y: Labels, (n, targets) with NaN where missing, or (n,) class indices for ``multiclass``.
    """
    import pyarrow as pa

    own = {"row": pa.array(np.asarray(rows, dtype=np.int64))}
    outcome: dict[str, pa.Array] = {}
    for i, target in enumerate(config.targets):
        if y is not None:
            outcome[target.name] = _labels(target, y if y.ndim == 1 else y[:, i])
        outcome |= _of_target(config, i, predictions)
    n = len(predictions)
    outcome["in_domain"] = (
        pa.nulls(n, pa.bool_()) if predictions.inside is None else _flags(predictions.inside, predictions)
    )
    outcome["distance"] = pa.nulls(n, pa.float32()) if predictions.distance is None else _numbers(predictions.distance)
    outcome["error"] = pa.array([predictions.errors.get(i) for i in range(n)], pa.string())
    shown = shown_inputs(config, list(columns), labelled=y is not None)
    inputs = {name: pa.array(list(cells), pa.string()) for name, cells in zip(shown, columns.values(), strict=True)}
    return own | inputs | outcome


def shown_inputs(config: TrainedConfig, names: Sequence[str], labelled: bool = True) -> list[str]:
    """Return the names of carried columns in the table: ``input_`` is put before one that the table itself needs."""
    taken = {"row", "in_domain", "distance", "error"}
    for target in config.targets:
        said = [f"probability_{c}" for c in target.classes] + ["set"] if target.classes else ["low", "high", "spread"]
        taken |= {f"{target.name}_{what}" for what in ["predicted", *said]} | ({target.name} if labelled else set())
    found: list[str] = []
    for name in names:
        free = name
        while free in taken:
            free = f"input_{free}"
        taken.add(free)
        found.append(free)
    return found


def _of_target(config: TrainedConfig, i: int, predictions: Predictions) -> "dict[str, pa.Array]":
    target, slot = config.targets[i], config.slots[i]
    said = predictions.prediction[:, slot.start : slot.end]
    if slot.task == "regression":
        named = {"predicted": said[:, 0]}
        named |= {what: v[:, i] for what, v in (("low", predictions.low), ("high", predictions.high)) if v is not None}
        named["spread"] = predictions.spread[:, slot.start]
        return {f"{target.name}_{what}": _numbers(v) for what, v in named.items()}
    p = said if slot.task == "multiclass" else _both(said[:, 0])
    classes = target.classes or ()
    shown = range(len(classes)) if slot.task == "multiclass" else [1]
    found = {f"{target.name}_predicted": _winners(p, classes)}
    found |= {f"{target.name}_probability_{classes[k]}": _numbers(p[:, k]) for k in shown}
    return found | {f"{target.name}_set": _sets(predictions, i, classes)}


def _both(positive: np.ndarray) -> np.ndarray:
    return np.stack([1 - positive, positive], axis=1)


def _winners(p: np.ndarray, classes: tuple[str, ...]) -> "pa.Array":
    import pyarrow as pa

    known = np.isfinite(p).all(axis=1)
    # the first of equals wins, as in the metrics
    return pa.array([classes[k] if ok else None for k, ok in zip(p.argmax(axis=1), known, strict=True)], pa.string())


def _sets(predictions: Predictions, i: int, classes: tuple[str, ...]) -> "pa.Array":
    import pyarrow as pa

    if predictions.sets is None:
        return pa.nulls(len(predictions), pa.string())
    words = [
        "|".join(c for c, inside in zip(classes, row, strict=True) if inside)
        for row in predictions.sets[:, i, : len(classes)]
    ]
    return pa.array([word or None for word in words], pa.string())


def _labels(target: Target, y: np.ndarray) -> "pa.Array":
    import pyarrow as pa

    if target.classes is None:
        return _numbers(y)
    return pa.array([None if np.isnan(v) else target.classes[int(v)] for v in y.tolist()], pa.string())


def _numbers(values: np.ndarray) -> "pa.Array":
    """Return single precision, which is what the network has; not finite becomes empty."""
    import pyarrow as pa

    short = np.asarray(values, dtype=np.float32)
    return pa.array(short, mask=~np.isfinite(short))


def _flags(inside: np.ndarray, predictions: Predictions) -> "pa.Array":
    import pyarrow as pa

    bad = np.zeros(len(inside), dtype=bool)
    bad[list(predictions.errors)] = True
    return pa.array(inside, mask=bad)


def write_predictions(
    path: Path,
    config: TrainedConfig,
    columns: Columns,
    rows: np.ndarray,
    predictions: Predictions,
    y: np.ndarray | None = None,
) -> Path:
    """Write one table, CSV or Parquet by the suffix; the arguments are those of `prediction_columns`.

    Raises:
        ScitrainError: Unknown suffix, or the disk is full; nothing half-written is left.
    """
    with _table_writer(path) as write:
        write(prediction_columns(config, columns, rows, predictions, y))
    return path


def predict_stream(
    model: "TrainedModel",
    batches: Iterable[tuple[Columns, np.ndarray]],
    path: Path,
    tick: Callable[[int], None] | None = None,
    seen: "Candidates | None" = None,
) -> StreamSummary:
    """Predict blocks of rows one after the other into a CSV or Parquet file, in constant memory.

    Args:
        model: At work.
        batches: (text columns, row numbers); all columns are carried along into the table.
        path: Ends in ``.csv`` or ``.parquet``; appears when all is written.
        tick: Told the rows done so far.
        seen: Takes in what may be worth a label.

    Raises:
        ScitrainError: Unknown suffix, a column is missing, or the disk is full; nothing half-written is left.
    """
    done, bad, outside = 0, 0, 0
    first: list[str] = []
    with _table_writer(path) as write:
        for columns, rows in _or_nothing(batches, model.config):
            # a row that the reader could not take apart has its reason with the block
            found = model.predict(columns).refused(getattr(columns, "errors", {}))
            write(prediction_columns(model.config, columns, rows, found))
            if seen is not None:
                seen.add(columns, rows, found)
            first += [f"row {rows[i]}: {why}" for i, why in list(found.errors.items())[: 5 - len(first)]]
            done, bad = done + len(found), bad + len(found.errors)
            outside += 0 if found.inside is None else int((~found.inside).sum()) - len(found.errors)
            if tick is not None:
                tick(done)
    return StreamSummary(path, done, bad, None if model.domain is None else outside, tuple(first))


def _or_nothing(
    batches: Iterable[tuple[Columns, np.ndarray]], config: TrainedConfig
) -> Iterator[tuple[Columns, np.ndarray]]:
    """Give at least one block, so that a table without rows has its header."""
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        yield {name: [] for name in config.input_columns}, np.zeros(0, dtype=np.int64)


Write = Callable[["dict[str, pa.Array]"], None]


@contextmanager
def _table_writer(path: Path) -> Iterator[Write]:
    """Give a function that appends blocks to a file which appears under its name only when all went well."""
    if path.suffix.lower() not in SUFFIXES:
        raise ScitrainError(
            f"predictions are written as {' or '.join(SUFFIXES)}, not {path.name!r}; change the file's ending"
        )
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    file = os.fdopen(handle, "wb")
    appender = _CsvAppender(file) if path.suffix.lower() == ".csv" else _ParquetAppender(file)

    def write(block: "dict[str, pa.Array]") -> None:
        with _explained(path):
            appender.write(block)

    try:
        yield write
        with _explained(path):
            appender.close()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            Path(name).chmod(0o644)
            Path(name).replace(path)
    except BaseException:
        with suppress(OSError):  # closing tries once more to write what the full disk refused
            file.close()
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ScitrainError(
            f"cannot write {path}: {why}; nothing was left there; free some space or give another place"
        ) from error


class _CsvAppender:
    """CSV with quotes only where a cell needs them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.names: list[str] | None = None

    def write(self, block: "dict[str, pa.Array]") -> None:
        import pyarrow as pa
        from pyarrow import csv

        first = self.names is None
        self.names = _same_names(self.names, block)
        style = "needed" if any(_needs_quotes(column) for column in block.values()) else "none"
        header = "needed" if any(set(name) & set(',"\r\n') for name in block) else "none"
        options = csv.WriteOptions(include_header=first, quoting_style=style, quoting_header=header)
        csv.write_csv(pa.table(block), self.file, options)

    def close(self) -> None:
        """Nothing is held back."""


class _ParquetAppender:
    """Parquet, a row group a block."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.names: list[str] | None = None
        self.writer: pa.parquet.ParquetWriter | None = None

    def write(self, block: "dict[str, pa.Array]") -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.names = _same_names(self.names, block)
        table = pa.table(block)
        if self.writer is None:
            self.writer = parquet.ParquetWriter(self.file, table.schema)
        self.writer.write_table(table)

    def close(self) -> None:
        """Write the footer."""
        if self.writer is not None:
            self.writer.close()


def _same_names(names: list[str] | None, block: "dict[str, pa.Array]") -> list[str]:
    if names is not None and names != list(block):
        raise DataError(f"a later block of rows has the columns {list(block)}, the first had {names}")
    return list(block)


def _needs_quotes(column: "pa.Array") -> bool:
    import pyarrow as pa
    from pyarrow import compute

    if not pa.types.is_string(column.type):
        return False
    return bool(compute.any(compute.match_substring_regex(column, '[",\r\n]')).as_py())
