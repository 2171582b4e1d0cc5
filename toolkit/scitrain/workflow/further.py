"""Rows without labels beside those of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.data.columns import take
from scitrain.data.layout import SeriesLayout
from scitrain.data.long import reread
from scitrain.data.prepared import Prepared
from scitrain.data.read import read
from scitrain.errors import DataError, UnknownNameError
from scitrain.modalities import MODALITIES
from scitrain.runs import Run

__all__ = ["Further", "further_rows"]


@dataclass(frozen=True)
class Further:
    """Rows that are none of the data set's own."""

    columns: Columns
    x: np.ndarray
    """(n, …) features."""


def further_rows(path: str, prepared: Prepared, featuriser: Featuriser, run: Run) -> Further:
    """Read the inputs of a file as those of ``prepared`` were read, and leave out those that stand there, test rows above all.

    Raises:
        UnknownNameError: The file lacks a column that is read.
        DataError: No row is new and readable.
    """
    table = read(path, run.workspace)
    layout = prepared.report.get("series")
    table = table if layout is None else reread(SeriesLayout.model_validate(layout), table)
    for name in prepared.columns:
        if name not in table.columns:
            raise UnknownNameError(f"column (an input that is read) in {table.name}", name, list(table.columns))
    modality = MODALITIES[prepared.modality]
    raw = {name: table.columns[name] for name in prepared.columns}
    cleaned = modality.clean(raw, impute=modality.fills == "auto")
    readable = np.setdiff1d(np.arange(len(table)), np.array(sorted(cleaned.errors), dtype=np.int64))
    columns = take(cleaned.columns, readable)
    new = np.array(_first(modality.identity(columns), set(modality.identity(prepared.columns))), dtype=np.int64)
    columns = take(columns, new)
    x, bad = featuriser.transform(columns)
    good = np.setdiff1d(np.arange(len(new)), np.array(sorted(bad), dtype=np.int64))
    if not len(good):
        first = next(iter([*cleaned.errors.values(), *bad.values()]), "all are among the rows with labels")
        raise DataError(f"{path} has no row that is new and can be read: {first}")
    left = f"{len(table) - len(readable) + len(bad)} unreadable, {len(readable) - len(new)} among the rows with labels or repeated"
    run.decide("unlabelled rows", len(good), f"of {len(table):,} in {table.name}; left out: {left}")
    return Further(take(columns, good), x[good])


def _first(keys: Sequence[str], known: set[str]) -> list[int]:
    """Return the first row of each key that is not ``known``."""
    seen, found = set(known), []
    for i, key in enumerate(keys):
        if key not in seen:
            seen.add(key)
            found.append(i)
    return found
