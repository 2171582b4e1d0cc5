"""Long tables, one moment or place a row, put together to a row a series; and series cut into what a forecast learns from."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from scitrain.data.columns import TextColumn, text_column
from scitrain.data.curves import Curve, broken_row, curves_of
from scitrain.data.layout import SeriesLayout
from scitrain.data.options import DataOptions
from scitrain.data.source import Broken, Source
from scitrain.data.values import numbers, times
from scitrain.data.windows import last_windows, windows_of
from scitrain.errors import DataError, UnknownNameError, listed

__all__ = ["as_series", "latest", "reread"]

ID = re.compile(
    r"(^|[_\s])(id|series|sample|subject|sensor|unit|spectrum|specimen|cell|station|patient)s?($|[_\s])", re.IGNORECASE
)
TIME = re.compile(
    r"(^|[_\s])(time|date|datetime|timestamp|step|t|day|hour|minute|second|cycle|wavelength|wavenumber|frequency|angle|position)s?($|[_\s\d])",
    re.IGNORECASE,
)
FEWEST_SERIES, FEWEST_POINTS = 10, 6
MISTAKES = 0.1
"""Share of a column's cells that may be no time: each costs its row, and is told."""
APART = 0.75
"""Share of the rows that must be moments of their own; the others are second rows of a moment, and told as such."""
LOOK_BACK = 4
"""Horizons that a forecast looks back on …"""
LEAST_WINDOW, MOST_WINDOW = 24, 512
"""… but no fewer and no more values than these."""


def as_series(options: DataOptions, source: Source) -> tuple[DataOptions, Source]:
    """Return a source of a row a series (or a window), and the request in its terms; unchanged where it is no long table.

    Raises:
        DataError: The request speaks of series, and the table cannot be read so.
        UnknownNameError: A column is not there.
    """
    layout, why = _layout(options, source)
    if layout is None:
        return options, source
    curves, broken = curves_of(layout, source)
    if layout.horizon is None:
        whole = _whole(layout, source, curves, options)
    else:
        whole = windows_of(layout, source, curves, options.rows == "impute")
    parts = f"{len(curves):,} series of {listed(layout.values, 4)}, in the order of {layout.time!r}"
    told = f"a long table ({why}): {parts}" + ("" if layout.id is None else f", told apart by {layout.id!r}")
    made = replace(whole, broken=(*source.broken, *broken, *whole.broken), notes=(*source.notes, told), layout=layout)
    if not len(made):
        first = f": {made.broken[0].reason}" if made.broken else ""
        raise DataError(f"{source.name} gives no usable series{first}; look at times, gaps and lengths")
    return _in_terms_of(layout, options), made


def reread(layout: SeriesLayout, source: Source) -> Source:
    """Return another long table as series, with the labels it holds."""
    curves, broken = curves_of(layout, source)
    asked = DataOptions(data=source.name, target=layout.target)
    whole = (
        _whole(layout, source, curves, asked) if layout.horizon is None else windows_of(layout, source, curves, False)
    )
    return replace(whole, broken=(*source.broken, *broken, *whole.broken))


def latest(layout: SeriesLayout, source: Source) -> Source:
    """Return what is to be predicted of another long table: each whole series, or the last window of each."""
    if layout.horizon is None:
        return reread(layout, source)
    curves, broken = curves_of(layout, source)
    new = last_windows(layout, source, curves)
    return replace(new, broken=(*source.broken, *broken, *new.broken))


def _layout(options: DataOptions, source: Source) -> tuple[SeriesLayout | None, str]:
    """Return how the table is to be read, and why; None where it is no long one."""
    asked = options.series
    target = _target(options, source)
    if asked is None:
        return _found(options, source, target)
    for name in (asked.id, asked.time):
        if name is not None and name not in source.columns:
            raise UnknownNameError("column", name, list(source.columns))
    time = asked.time or _time_column(source, [asked.id, target])
    if time is None:
        raise DataError(f"say series={{'time': …}}, the column with the time; columns are {listed(source.columns)}")
    if target is None:
        raise DataError(f"say `target`, the column to predict; columns are {listed(source.columns)}")
    said = _said(options)
    if asked.horizon is None:
        key = _needed(asked.id, source)
        values = said or _values(source, key, [time, target, *options.ignore])
        return SeriesLayout(id=key, time=time, values=values), "asked for"
    window = asked.window or min(MOST_WINDOW, max(LEAST_WINDOW, LOOK_BACK * asked.horizon))
    values = (target, *(name for name in said if name != target))
    return SeriesLayout(
        id=asked.id, time=time, values=values, target=target, horizon=asked.horizon, window=window
    ), "asked for"


def _needed(name: str | None, source: Source) -> str:
    if name is None:
        raise DataError(
            f"say series={{'id': …}}, the column that tells the series apart, or series={{'horizon': …}} for a forecast; "
            f"columns are {listed(source.columns)}"
        )
    return name


def _target(options: DataOptions, source: Source) -> str | None:
    names = [options.target] if isinstance(options.target, str) else list(options.target or ())
    if len(names) > 1 and options.series is not None:
        raise DataError(f"series are learned with one target, given {listed(names)}; name one")
    return names[0] if len(names) == 1 and names[0] in source.columns else source.default_target


def _said(options: DataOptions) -> tuple[str, ...]:
    return (options.inputs,) if isinstance(options.inputs, str) else tuple(options.inputs or ())


def _found(options: DataOptions, source: Source, target: str | None) -> tuple[SeriesLayout | None, str]:
    """Recognise a long table by the names and the order of its columns, and by a target that each series has once."""
    keys = [name for name in source.columns if ID.search(name) and name != target]
    if options.modality not in ("auto", "series") or target is None or len(keys) != 1 or _said(options):
        return None, ""
    time = _time_column(source, [keys[0], target])
    codes = np.asarray(source.columns[keys[0]].arrow.dictionary_encode().indices)
    counts = np.bincount(codes)
    if time is None or len(counts) < FEWEST_SERIES or np.median(counts) < FEWEST_POINTS:
        return None, ""
    labels = np.asarray(source.columns[target].arrow.dictionary_encode().indices)
    moments = times(source.columns[time]).values
    once = len(np.unique(np.stack([codes, labels]), axis=1).T) == len(counts)
    apart = len(np.unique(np.stack([codes, moments]), axis=1).T) >= APART * len(codes)
    values = _values(source, keys[0], [time, target, *options.ignore])
    if not (once and apart and values):
        return None, ""
    return SeriesLayout(id=keys[0], time=time, values=values), f"each {keys[0]!r} has one {target!r} and many moments"


def _time_column(source: Source, taken: Sequence[str | None]) -> str | None:
    found = [
        name
        for name, cells in source.columns.items()
        if name not in taken and TIME.search(name) and times(cells).bad.sum() <= MISTAKES * len(cells)
    ]
    return found[0] if len(found) == 1 else None


def _values(source: Source, key: str, taken: Sequence[str | None]) -> tuple[str, ...]:
    """Return the columns of numbers that change within a series."""
    from scitrain.data.roles import is_split_column

    free = [name for name in source.columns if name != key and name not in taken]
    free = [name for name in free if not is_split_column(name, source.columns[name])]
    series = np.asarray(source.columns[key].arrow.dictionary_encode().indices)
    return tuple(name for name in free if _is_numeric(source.columns[name]) and not _same(series, source.columns[name]))


def _same(series: np.ndarray, cells: TextColumn) -> bool:
    """Tell whether a column has one value in each series."""
    pairs = np.stack([series, np.asarray(cells.arrow.dictionary_encode().indices)])
    return bool(np.unique(pairs, axis=1).shape[1] == series.max() + 1)


def _is_numeric(cells: TextColumn) -> bool:
    read = numbers(cells)
    return bool((~np.isnan(read.values)).sum() >= 0.8 * (~read.missing).sum() > 0)


def _whole(layout: SeriesLayout, source: Source, curves: Sequence[Curve], options: DataOptions) -> Source:
    """Return a row a series: its values in a cell, and what is the same in all its rows."""
    columns: dict[str, list[str]] = {name: [] for name in layout.values}
    same = [name for name in source.columns if name not in (*layout.values, layout.time)]
    kept: dict[str, list[str]] = {name: [] for name in same}
    rows: list[int] = []
    broken: list[Broken] = []
    for curve in curves:
        own = {name: _filled(source.columns[name].take(curve.rows)) for name in same}
        target = options.target if isinstance(options.target, str) else None
        if target in own and len(own[target]) > 1:
            reason = f"series {curve.name!r} has {len(own[target])} labels, such as {own[target][0]!r} and {own[target][1]!r}"
            broken.append(broken_row(source, str(target), int(curve.rows[0]), reason))
            continue
        for name in layout.values:
            columns[name].append(_cell(source.columns[name].take(curve.rows), curve))
        for name in same:
            kept[name].append(own[name][0] if len(own[name]) == 1 else "")
        rows.append(int(curve.rows[0]))
    made = {name: text_column(cells) for name, cells in (columns | kept).items()}
    return replace(source, columns=made, rows=source.rows[rows], lines=source.lines[rows], broken=tuple(broken))


def _filled(cells: TextColumn) -> list[str]:
    found: list[str] = [cell for cell in pc.unique(cells.arrow).to_pylist() if cell.strip()]
    return found


def _cell(cells: TextColumn, curve: Curve) -> str:
    """Return the values of a series in one cell; a place without a row is a gap."""
    texts = ["nan"] * curve.length
    for place, cell in zip(curve.places.tolist(), cells, strict=True):
        texts[place] = re.sub(r"[\s,;|]+", "_", cell.strip()) or "nan"
    return " ".join(texts)


def _in_terms_of(layout: SeriesLayout, options: DataOptions) -> DataOptions:
    """Return the request in terms of the new columns."""
    changes: dict[str, object] = {"modality": "series", "inputs": list(layout.values)}
    if layout.horizon is not None:
        unit = options.unit
        if isinstance(unit, dict):
            unit = {
                name: said for old, said in unit.items() for name in (layout.steps if old == layout.target else (old,))
            }
        changes |= {"target": list(layout.steps), "task": "regression", "unit": unit}
        if options.split.kind == "auto":
            changes["split"] = options.split.model_copy(update={"kind": "time", "column": layout.time})
    return options.model_copy(update=changes)
