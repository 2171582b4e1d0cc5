"""Windows of a series, with the values that follow: what a forecast learns from."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scitrain.data.columns import take, text_column
from scitrain.data.curves import Curve, broken_row
from scitrain.data.layout import SeriesLayout
from scitrain.data.source import Broken, Source
from scitrain.data.values import numbers

__all__ = ["last_windows", "windows_of"]


def last_windows(layout: SeriesLayout, source: Source, curves: Sequence[Curve]) -> Source:
    """Return the last window of each series, whose future is not known yet."""
    starts = [(curve, curve.length - int(layout.window or 0)) for curve in curves]
    short = [
        broken_row(
            source,
            layout.time,
            int(curve.rows[0]),
            f"series {curve.name!r} has {curve.length} values; {layout.window} are looked back on",
        )
        for curve, start in starts
        if start < 0
    ]
    return replace(_cut(layout, source, [pair for pair in starts if pair[1] >= 0], 0), broken=tuple(short))


def windows_of(layout: SeriesLayout, source: Source, curves: Sequence[Curve], fill: bool) -> Source:
    """Cut each series into windows with the values that follow; a window that reaches over a gap is left out."""
    window, horizon = int(layout.window or 0), int(layout.horizon or 0)
    pairs: list[tuple[Curve, int]] = []
    broken: list[Broken] = []
    for curve in curves:
        if curve.length < window + horizon:
            reason = (
                f"series {curve.name!r} has {curve.length} values; {window} are looked back on and {horizon} forecast"
            )
            broken.append(broken_row(source, layout.time, int(curve.rows[0]), reason))
            continue
        table = _table(layout, source, curve)
        lacking = np.isnan(table).any(axis=0)
        if not fill:
            broken += _gaps(layout, source, curve, lacking)
        bad = np.concatenate([[0], np.cumsum(lacking)])
        starts = np.arange(curve.length - window - horizon + 1)
        good = starts if fill else starts[bad[starts + window + horizon] == bad[starts]]
        pairs += [(curve, int(start)) for start in good]
    return replace(_cut(layout, source, pairs, horizon), broken=tuple(broken))


def _table(layout: SeriesLayout, source: Source, curve: Curve) -> np.ndarray:
    """Return the values of a series, float64 (channels, length), NaN in gaps."""
    table = np.full((len(layout.values), curve.length), np.nan)
    for channel, name in enumerate(layout.values):
        table[channel, curve.places] = numbers(source.columns[name].take(curve.rows)).values
    return table


def _gaps(layout: SeriesLayout, source: Source, curve: Curve, lacking: np.ndarray) -> list[Broken]:
    """Name each run of missing values, by the row that follows it."""
    begins = np.flatnonzero(lacking & ~np.concatenate([[False], lacking[:-1]]))
    found = []
    for begin in begins.tolist():
        after = int(np.searchsorted(curve.places, begin))
        row = int(curve.rows[min(after, len(curve.rows) - 1)])
        size = int(np.argmax(np.concatenate([~lacking[begin:], [True]])))
        reason = (
            f"a gap of {size} value{'s' if size > 1 else ''} in series {curve.name!r}; what reaches over it is left out"
        )
        found.append(broken_row(source, layout.time, row, f"{reason}, or filled in with rows='impute'"))
    return found


def _cut(layout: SeriesLayout, source: Source, pairs: Sequence[tuple[Curve, int]], horizon: int) -> Source:
    """Return a row a window: the values looked back on, the time of the last of them, and the values that follow."""
    window = int(layout.window or 0)
    columns: dict[str, list[str]] = {name: [] for name in (*layout.values, layout.time, *layout.steps[:horizon])}
    keys: list[str] = []
    rows: list[int] = []
    tables: dict[str, np.ndarray] = {}
    for curve, start in pairs:
        if curve.name not in tables:
            tables[curve.name] = np.stack([_interpolated(channel) for channel in _table(layout, source, curve)])
        table = tables[curve.name]
        for channel, name in enumerate(layout.values):
            columns[name].append(" ".join(map(repr, table[channel, start : start + window].tolist())))
        for step, name in enumerate(layout.steps[:horizon]):
            columns[name].append(repr(float(table[0, start + window + step])))
        last = int(np.searchsorted(curve.places, start + window - 1))
        rows.append(int(curve.rows[min(last, len(curve.rows) - 1)]))
        keys.append(curve.name)
    columns[layout.time] = list(take({"t": source.columns[layout.time]}, np.array(rows, dtype=np.int64))["t"])
    if layout.id is not None:
        columns[layout.id] = keys
    made = {name: text_column(cells) for name, cells in columns.items()}
    return replace(source, columns=made, rows=source.rows[rows], lines=source.lines[rows], units=_units(layout, source))


def _interpolated(values: np.ndarray) -> np.ndarray:
    """Fill gaps along lines; a series without any value stays as it is."""
    there = ~np.isnan(values)
    at = np.arange(len(values))
    return np.interp(at, at[there], values[there]) if there.any() else values


def _units(layout: SeriesLayout, source: Source) -> dict[str, str]:
    unit = source.units.get(layout.target or "")
    return {**source.units, **({} if unit is None else dict.fromkeys(layout.steps, unit))}
