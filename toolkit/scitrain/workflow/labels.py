"""Labels of new data, in terms of what a model was trained on."""

from collections.abc import Sequence

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.source import Source
from scitrain.data.values import missing_mask, spelt_numbers
from scitrain.errors import DataError, UnknownNameError, listed

__all__ = ["known_labels"]


def known_labels(source: Source, targets: Sequence[Target], task: Task) -> np.ndarray:
    """Return labels (n, targets) with NaN where missing; for ``multiclass`` (n,) class indices, NaN where missing.

    Raises:
        UnknownNameError: A target column is not there.
        DataError: A label is no number, or a class that was not trained on.
    """
    read = [_numeric(source, target) if target.classes is None else _classes(source, target) for target in targets]
    return read[0] if task == "multiclass" else np.stack(read, axis=1).astype(np.float32)


def _cells(source: Source, target: Target) -> Sequence[str]:
    if target.name not in source.columns:
        raise UnknownNameError("target column", target.name, list(source.columns))
    return source.columns[target.name]


def _numeric(source: Source, target: Target) -> np.ndarray:
    cells = _cells(source, target)
    found = spelt_numbers(cells)
    bad = np.flatnonzero(found.bad)
    if len(bad):
        first = int(bad[0])
        where = f"{source.place} {source.lines[first]}"
        raise DataError(f"{source.name}: {target.name!r} holds {cells[first][:80]!r} at {where}; expected numbers")
    return np.asarray(found.values, dtype=float)


def _classes(source: Source, target: Target) -> np.ndarray:
    cells = _cells(source, target)
    index = {name: float(i) for i, name in enumerate(target.classes or ())}
    missing = missing_mask(cells)
    y = np.full(len(missing), np.nan)
    for i, cell in enumerate(cells):
        if not missing[i]:
            y[i] = index.get(cell.strip(), index.get(_as_number(cell), np.nan))
    unseen = sorted({cells[int(i)].strip() for i in np.flatnonzero(np.isnan(y) & ~missing)})
    if unseen:
        raise DataError(
            f"{source.name}: {target.name!r} holds {listed(map(repr, unseen), 5)}, which the model was not trained on; "
            f"its classes are {listed(index)}; leave those rows out, or empty their cells, to judge the others"
        )
    return y


def _as_number(cell: str) -> str:
    """Return the name a class has that was read as a number: ``1.0`` is ``1``."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return str(int(value)) if value.is_integer() else repr(value)
