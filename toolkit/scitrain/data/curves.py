"""The rows of a long table that are one series, in order, on an even axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.data.layout import SeriesLayout
from scitrain.data.source import Broken, Source
from scitrain.data.values import times
from scitrain.errors import DataError

__all__ = ["Curve", "broken_row", "curves_of"]

EVEN = 0.01
"""Share of a step by which a moment may miss its place."""
MOST_UNREAD = 0.2
"""Share of the times that may be unreadable; beyond it the column holds several notations."""
SHARED = 1.1
"""Points of the common axis, in lengths of a series, up to which all series are measured at the same places."""


@dataclass(frozen=True)
class Curve:
    """One series on an even axis."""

    name: str
    rows: np.ndarray
    """int64 (m,): rows of the source in order of time, no moment twice."""
    places: np.ndarray
    """int64 (m,): where each lies on the axis."""
    length: int
    """Places between the first and the last."""


def curves_of(layout: SeriesLayout, source: Source) -> tuple[list[Curve], list[Broken]]:
    """Put the rows of each series in order, on one even axis; rows without a place and second ones of a moment are left out."""
    moments, broken = _moments(layout, source)
    codes, names = _codes(layout, source)
    known = np.flatnonzero(~np.isnan(moments))
    known = known[np.lexsort((moments[known], codes[known]))]  # stable: of two rows of a moment the first stays first
    ordered = np.split(known, np.searchsorted(codes[known], np.arange(1, len(names))))
    for code, rows in enumerate(ordered):
        twice = np.flatnonzero(np.diff(moments[rows]) == 0) + 1
        broken += [_repeated(source, layout, names[code], rows, moments, at) for at in twice.tolist()]
        ordered[code] = np.delete(rows, twice)
    axis = _common_axis(moments, ordered)
    curves = []
    for name, rows in zip(names, ordered, strict=True):
        places = _places(moments[rows], axis) if len(rows) else None
        if places is None:
            what = (
                "has no row with a time"
                if not len(rows)
                else "its times are not evenly spaced; bring it to an even axis"
            )
            broken.append(
                broken_row(
                    source, layout.id or layout.time, int(rows[0]) if len(rows) else 0, f"series {name!r}: {what}"
                )
            )
        else:
            curves.append(Curve(name, rows, places, int(places[-1]) + 1))
    return curves, broken


def _moments(layout: SeriesLayout, source: Source) -> tuple[np.ndarray, list[Broken]]:
    """Return the time of each row, NaN where there is none, and the rows without.

    Raises:
        DataError: Many cells cannot be read: series with holes of our making would be learned.
    """
    cells = source.columns[layout.time]
    read = times(cells)
    unread = np.flatnonzero(read.bad).tolist()
    if len(unread) > MOST_UNREAD * len(cells):
        first = unread[0]
        raise DataError(
            f"column {layout.time!r}: {len(unread):,} of {len(cells):,} times are not written like the others ({read.order}), such as "
            f"{source.place} {source.lines[first]}: {cells[first][:60]!r}; write all alike, such as 2024-05-17 12:30:00, with "
            "a time zone in all or in none"
        )
    wrong = set(unread)
    reasons = {
        row: f"{cells[row][:60]!r} is no time; the others are {read.order}" if row in wrong else "has no time"
        for row in np.flatnonzero(np.isnan(read.values)).tolist()
    }
    return read.values, [broken_row(source, layout.time, row, reason) for row, reason in reasons.items()]


def _repeated(
    source: Source, layout: SeriesLayout, name: str, rows: np.ndarray, moments: np.ndarray, at: int
) -> Broken:
    """Say of a row that its moment was there before."""
    first = source.lines[rows[np.searchsorted(moments[rows], moments[rows[at]])]]
    reason = f"this time stands twice in series {name!r}; the first, on {source.place} {first}, is used"
    return broken_row(source, layout.time, int(rows[at]), reason)


def _codes(layout: SeriesLayout, source: Source) -> tuple[np.ndarray, list[str]]:
    if layout.id is None:
        return np.zeros(len(source), dtype=np.int64), [source.name]
    encoded = source.columns[layout.id].arrow.dictionary_encode()
    return np.asarray(encoded.indices), encoded.dictionary.to_pylist()


def broken_row(source: Source, column: str, row: int, reason: str) -> Broken:
    """Return what is wrong with a row of the source."""
    return Broken(int(source.lines[row]), column, source.columns[column][row], reason, int(source.rows[row]))


def _common_axis(moments: np.ndarray, ordered: Sequence[np.ndarray]) -> np.ndarray | float:
    """Return the places that all series share, or the step from one moment to the next."""
    used = np.concatenate([moments[rows] for rows in ordered]) if ordered else np.zeros(0)
    longest = max(map(len, ordered), default=0)
    shared = np.unique(used)
    if len(ordered) > 1 and len(shared) <= SHARED * longest:
        return shared
    steps = np.concatenate([np.diff(moments[rows]) for rows in ordered]) if ordered else np.zeros(0)
    values, counts = np.unique(np.round(steps, 9), return_counts=True)
    return float(values[counts.argmax()]) if len(values) else 1.0


def _places(moments: np.ndarray, axis: np.ndarray | float) -> np.ndarray | None:
    """Return where moments lie on the axis; None where they lie between its places."""
    if isinstance(axis, np.ndarray):
        return np.searchsorted(axis, moments)
    exact = (moments - moments[0]) / axis
    near = np.round(exact).astype(np.int64)
    even = np.abs(exact - near).max() <= EVEN and len(np.unique(near)) == len(near)
    return near if even else None
