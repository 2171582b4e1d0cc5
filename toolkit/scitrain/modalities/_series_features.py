"""Spectra and time series to arrays: values, standard normal variates, smoothed derivatives.

Self-contained (numpy), so that a bundle predicts with this very file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["VIEWS", "blocks", "featurise", "names", "numbers_in", "read"]

Options = Mapping[str, Any]
VIEWS = ("values", "snv", "d1", "d2")
"""Values; values of a row in its own standard deviations about its own mean (standard normal variate: Barnes et al. 1989,
doi:10.1366/0003702894202201); first and second derivative (Savitzky & Golay 1964, doi:10.1021/ac60214a047)."""
DEGREE = {"d1": 2, "d2": 3}
"""Degree of the polynomial that a derivative is taken of."""
MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "missing"})
SEPARATOR = re.compile(r"[\s,;|]+")
MOST_GAPS = 0.5
"""Share of missing values from which a row is not filled in: most of it would be made up."""
LARGEST = 1e30


def numbers_in(cell: str) -> list[str]:
    """Cut a cell such as ``[0.1, 0.2]`` or ``0.1 0.2`` into its numbers as text."""
    inside = cell.strip().strip("[]()")
    return [part for part in SEPARATOR.split(inside.strip()) if part] if inside.strip() else []


def read(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Read the values of each row.

    Args:
        columns: Text by column name.
        options: ``columns``; ``layout`` ``"columns"`` (a column a point, ``axis`` says where) or ``"cells"`` (a column a
            channel, all its numbers in one cell); ``length``; ``fill`` (gaps are filled along a line between their
            neighbours); ``ragged`` (a row may be shorter).

    Returns:
        float64 (n, channels, length), NaN behind the end of a shorter row; and per row None or what is wrong with it.
    """
    cells = [columns[name] for name in options["columns"]]
    wide = options["layout"] == "columns"
    n, channels = len(cells[0]), 1 if wide else len(cells)
    array = np.full((n, channels, options["length"]), np.nan)
    problems: list[str | None] = [None] * n
    axis = np.asarray(options["axis"] or range(options["length"]), dtype=float)
    for row in range(n):
        parts = [[column[row] for column in cells]] if wide else [numbers_in(column[row]) for column in cells]
        for channel, part in enumerate(parts):
            try:
                array[row, channel, : len(part)] = _values(part, options, axis)
            except UnreadableError as error:
                named = "" if wide or channels == 1 else f"{options['columns'][channel]}: "
                problems[row] = problems[row] or f"{named}{error}"
    array[[row for row, problem in enumerate(problems) if problem]] = 0.0
    return array, problems


class UnreadableError(ValueError):
    """A row cannot be used; never leaves this file."""


def _values(parts: Sequence[str], options: Options, axis: np.ndarray) -> np.ndarray:
    """Return the values of one channel of one row.

    Raises:
        UnreadableError: What is wrong with it.
    """
    if not parts:
        raise UnreadableError("no values given; expected numbers separated by spaces")
    if len(parts) > options["length"] or (len(parts) < options["length"] and not options["ragged"]):
        wanted = f"at most {options['length']}" if options["ragged"] else str(options["length"])
        raise UnreadableError(f"has {len(parts)} values where {wanted} are read")
    try:
        found = np.array([np.nan if part.strip().lower() in MISSING else float(part) for part in parts])
    except ValueError:
        raise UnreadableError(_no_number(parts, options)) from None
    lacking = np.isnan(found)
    if (huge := np.abs(np.where(lacking, 0.0, found)) > LARGEST).any():
        raise UnreadableError(f"has an infinite or absurdly large value at {_places(huge, options)}")
    return _filled(found, lacking, options, axis) if lacking.any() else found


def _filled(found: np.ndarray, lacking: np.ndarray, options: Options, axis: np.ndarray) -> np.ndarray:
    """Return the values with gaps filled along lines.

    Raises:
        UnreadableError: Gaps are not to be filled, or most of the row is one.
    """
    if lacking.mean() > MOST_GAPS:
        raise UnreadableError(f"{lacking.sum()} of {len(found)} values are missing")
    if not options["fill"]:
        where = _places(lacking, options)
        raise UnreadableError(f"has a gap: no value at {where}; fill it in, or ask for rows='impute' in training")
    at = axis[: len(found)]
    order = np.argsort(at[~lacking])
    return np.where(lacking, np.interp(at, at[~lacking][order], found[~lacking][order]), found)


def _no_number(parts: Sequence[str], options: Options) -> str:
    for at, part in enumerate(parts):
        try:
            float("0" if part.strip().lower() in MISSING else part)
        except ValueError:
            mark = np.zeros(len(parts), dtype=bool)
            mark[at] = True
            return f"{part.strip()[:40]!r} at {_places(mark, options)} is no number"
    return "is no row of numbers"


def _places(mark: np.ndarray, options: Options) -> str:
    """Name the first few marked points: by column where each point has one, else by position."""
    at = np.flatnonzero(mark)
    named = [options["columns"][i] if options["layout"] == "columns" else f"position {i + 1}" for i in at[:3].tolist()]
    return ", ".join(named) + (f", … ({len(at)} in all)" if len(at) > 3 else "")


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Turn rows of values into the array that a network reads.

    Args:
        columns: Text by column name.
        options: As for `read`, and ``center`` and ``scale`` (one a channel, in the values' own unit), ``views``,
            ``window`` (points that a derivative is smoothed over), ``output`` ``"vector"`` or ``"series"``.

    Returns:
        float32 (n, width) or (n, channels, length), and per row None or what is wrong with it. A series whose rows differ
        in length has a last channel, 1 where the row has values and 0 behind its end.
    """
    values, problems = read(columns, options)
    there = ~np.isnan(values[:, :1])
    center, scale = (np.asarray(options[name], dtype=float)[:, None] for name in ("center", "scale"))
    standard = (values - center) / scale
    seen = [_view(standard, name, options["window"]) for name in options["views"]]
    if options["output"] == "vector":
        flat = np.concatenate([part.reshape(len(values), part.shape[1] * part.shape[2]) for part in seen], axis=1)
        array = np.concatenate([flat, there.mean(axis=2)], axis=1) if options["ragged"] else flat
    else:
        array = np.concatenate([*seen, there] if options["ragged"] else seen, axis=1)
    array = array.astype(np.float32)
    array[[row for row, problem in enumerate(problems) if problem]] = 0.0
    return array, problems


def _view(values: np.ndarray, name: str, window: int) -> np.ndarray:
    """Return one view (n, channels, length) of the values."""
    if name == "values":
        return values
    if name == "snv":
        return _snv(values)
    return _derivative(values, window, DEGREE[name], int(name[1]))


def _snv(values: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=2, keepdims=True), 1)
    mean = np.nansum(values, axis=2, keepdims=True) / count
    deviation = np.sqrt(np.nansum((values - mean) ** 2, axis=2, keepdims=True) / count)
    return np.asarray((values - mean) / np.where(deviation > 0, deviation, 1.0))


def _derivative(values: np.ndarray, window: int, degree: int, order: int) -> np.ndarray:
    """Fit a polynomial to ``window`` neighbours and differentiate it; at the ends the first and last window serve."""
    half, length = window // 2, values.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(values, window, axis=2)
    out = np.empty_like(values)
    out[:, :, half : length - half] = windows @ _coefficients(window, degree, order, 0)
    for step in range(half):
        out[:, :, step] = windows[:, :, 0] @ _coefficients(window, degree, order, step - half)
        out[:, :, length - 1 - step] = windows[:, :, -1] @ _coefficients(window, degree, order, half - step)
    return out


def _coefficients(window: int, degree: int, order: int, at: int) -> np.ndarray:
    """Return the weights (window,) whose sum with the values is the derivative ``at`` steps from the window's centre."""
    places = np.arange(window) - window // 2 - at
    fitted = np.linalg.pinv(np.vander(places, degree + 1, increasing=True))[order]
    return np.asarray(fitted * (1.0 if order < 2 else 2.0))


def blocks(options: Options) -> dict[str, tuple[int, int]]:
    """Return the column range of each view in the vector."""
    channels = 1 if options["layout"] == "columns" else len(options["columns"])
    width = channels * options["length"]
    found = {name: (i * width, (i + 1) * width) for i, name in enumerate(options["views"])}
    end = len(options["views"]) * width
    return found | ({"extent": (end, end + 1)} if options["ragged"] else {})


def names(options: Options) -> list[str]:
    """Return a name for each column of the vector, such as ``d2 at 850.0``."""
    spell: Callable[[str, int], str]
    if options["layout"] == "columns":
        channels, spell = [""], lambda _, at: str(options["columns"][at])
    else:
        channels = [f"{name} " for name in options["columns"]] if len(options["columns"]) > 1 else [""]

        def spell(channel: str, at: int) -> str:
            return f"{channel}{at + 1}"

    found = [
        f"{view} at {spell(channel, at)}"
        for view in options["views"]
        for channel in channels
        for at in range(options["length"])
    ]
    return [*found, "extent"] if options["ragged"] else found
