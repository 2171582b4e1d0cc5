"""Table cells as text to numbers: numbers in several spellings, booleans, dates, one-hot categories, missing flags.

Self-contained (numpy only), so that a bundle predicts with this very file.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "DAY",
    "MISSING",
    "MISSING_CATEGORY",
    "STYLES",
    "YEAR",
    "blocks",
    "dates",
    "featurise",
    "names",
    "numbers",
    "truths",
]

Parsed = tuple[np.ndarray, list[int]]
"""float64 (n,) with NaN where a cell is missing or cannot be read, and the rows that cannot be read."""

MISSING = frozenset(
    ["", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "-", "--", "—", "?", ".", "missing", "#value!"]
)
"""Words, in lower case, for a number, date or truth value that is not there."""
MISSING_CATEGORY = frozenset(["", "nan", "null", "n/a", "#n/a", "<na>", "?"])
"""Words for a category that is not there; ``None``, ``NA`` and ``-`` may be categories of their own."""
BOOLEANS = {"true": 1.0, "yes": 1.0, "y": 1.0, "t": 1.0, "false": 0.0, "no": 0.0, "n": 0.0, "f": 0.0}
STYLES = {
    "plain": re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
    "thousands": re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:[, ][0-9]{3})+|[0-9]+)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
    "comma": re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:[. ][0-9]{3})+|[0-9]+)(?:,[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
    "percent": re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+) ?%"),
}
"""How numbers are spelt: 1234.5 · 1,234.5 · 1.234,5 · 12.5 %."""
_DROPPED = {"plain": "", "thousands": ", ", "comma": ". ", "percent": "% "}
_SPACES = str.maketrans("\u00a0\u2009\u202f−", "   -")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})(.*)")
_YEAR_FIRST = re.compile(r"([0-9]{4})[./-]([0-9]{1,2})[./-]([0-9]{1,2})(.*)")
_TIME = re.compile(
    r"[ T]([0-9]{1,2}):([0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)(?: ?([AaPp])\.?[Mm]\.?)? ?(?:Z|UTC|([+-])([0-9]{2}):?([0-9]{2})?)?"
)
"""Hour, minutes and beyond, half of the day, and how far the clock is ahead of UTC."""
LARGEST = 3e38
DAY = 86400.0
YEAR = 365.2425
CHUNK = 65536


def numbers(cells: Sequence[str], style: str) -> Parsed:
    """Read numbers of one style of `STYLES`; infinite ones cannot be read."""
    if style == "plain":
        return _fast_numbers(cells)
    drop, pattern = str.maketrans("", "", _DROPPED[style]), STYLES[style]

    def read(text: str) -> float:
        text = text.translate(_SPACES)
        if not pattern.fullmatch(text):
            raise ValueError
        return float(text.translate(drop).replace(",", "."))

    return _each(cells, read)


def _fast_numbers(cells: Sequence[str]) -> Parsed:
    """Read plain numbers a chunk at a time, cell by cell only in chunks where something is missing or wrong."""
    values = np.empty(len(cells))
    bad: list[int] = []
    for start in range(0, len(cells), CHUNK):
        chunk = list(cells[start : start + CHUNK])
        try:
            read = np.fromiter(map(float, chunk), dtype=np.float64, count=len(chunk))
            clean = bool(np.isfinite(read).all()) and "_" not in "".join(chunk)
        except ValueError:
            clean = False
        if not clean:
            read, found = _each(chunk, _plain)
            bad.extend(start + row for row in found)
        values[start : start + len(chunk)] = read
    return values, bad


def _plain(text: str) -> float:
    """Read a number as Python does, without its underscores."""
    if "_" in text:
        raise ValueError
    return float(text.replace("−", "-"))


def truths(cells: Sequence[str]) -> Parsed:
    """Read truth values such as yes and no."""
    return _each(cells, lambda text: BOOLEANS[text.lower()])


def dates(cells: Sequence[str], order: str) -> Parsed:
    """Read dates as seconds since 1970 UTC; ``order`` is ``ymd``, ``dmy`` or ``mdy``."""
    pattern = _YEAR_FIRST if order == "ymd" else _DAY_FIRST

    def read(text: str) -> float:
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError
        year, month, day = (match[1 + order.index(part)] for part in "ymd")
        hour, rest, ahead = _of_day(match[4]) if match[4] else (0, "00", 0)
        stamp = np.datetime64(f"{year}-{month:0>2}-{day:0>2}T{hour:02}:{rest}", "ms")
        return float(stamp.astype(np.int64)) / 1000 - ahead

    return _each(cells, read)


def _of_day(text: str) -> tuple[int, str, int]:
    """Return hour, minutes and beyond, and the seconds by which the clock is ahead of UTC (0 where none is named)."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError
    hour, half = int(found[1]), (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "p" else 0)
    ahead = int(found[5] or 0) * 3600 + int(found[6] or 0) * 60
    return hour, found[2], -ahead if found[4] == "-" else ahead


def _each(cells: Sequence[str], read: Callable[[str], float]) -> Parsed:
    """Read cell by cell, each distinct text once."""
    known: dict[str, float] = {}
    values, bad = np.empty(len(cells)), []
    for row, cell in enumerate(cells):
        value = known.get(cell)
        if value is None:
            value = known[cell] = _value(cell.strip(), read)
        if value == np.inf:
            bad.append(row)
            value = np.nan
        values[row] = value
    return values, bad


def _value(text: str, read: Callable[[str], float]) -> float:
    """Return the number, NaN where it is missing, infinity where it cannot be read."""
    if text.lower() in MISSING:
        return np.nan
    try:
        value = read(text)
    except (ValueError, KeyError, OverflowError):
        return np.inf
    return value if abs(value) < np.inf else np.inf


def featurise(columns: dict[str, list[str]], options: dict[str, Any]) -> tuple[np.ndarray, list[str | None]]:
    """Return float32 (n, width), NaN where a number is missing, and what is wrong with each row.

    Option ``columns`` lists, for each column, ``name``, ``kind`` (number, boolean, date, category) and what was
    learned: ``style``, ``shift``, ``scale``; ``order``, ``origin``, ``phases``; ``levels``; whether a cell may be
    missing (``optional``) and whether that is flagged (``indicator``).
    """
    n = len(next(iter(columns.values()), []))
    problems: list[str | None] = [None] * n
    values: list[np.ndarray] = []
    flags: list[np.ndarray] = [np.zeros((n, 0))]
    for column in options["columns"]:
        cells = columns[column["name"]]
        read, bad = _read(cells, column)
        for row in bad:
            problems[row] = problems[row] or f"{column['name']}: {cells[row][:60]!r} is no {_expected(column)}"
        absent = np.isnan(read)
        absent[bad] = False
        for row in [] if column["optional"] else np.flatnonzero(absent).tolist():
            problems[row] = problems[row] or f"{column['name']}: missing; it never was in training, so fill it in"
        if column["kind"] == "category":
            flags.append(read[:, None] == np.arange(len(column["levels"]) + 1))
        else:
            values.extend(_numeric(read, column))
        if column["indicator"]:
            flags.append(absent[:, None])
    array = np.column_stack([*values, *flags]).astype(np.float32)
    array[[row for row, problem in enumerate(problems) if problem]] = 0
    return array, problems


def _read(cells: Sequence[str], column: dict[str, Any]) -> Parsed:
    """Read a column of numbers, truth values, dates or codes of categories."""
    if column["kind"] == "category":
        return _codes(cells, column["levels"]), []
    if column["kind"] == "boolean":
        return truths(cells)
    if column["kind"] == "date":
        return dates(cells, column["order"])
    read, bad = numbers(cells, column["style"])
    far = np.abs((read - column["shift"]) / column["scale"]) > LARGEST
    return np.where(far, np.nan, read), [*bad, *np.flatnonzero(far).tolist()]


def _expected(column: dict[str, Any]) -> str:
    """Say what a cell should have been."""
    return {
        "boolean": "truth value; write true or false",
        "date": f"date; write it as in training ({column.get('order')}: year, month, day in that order)",
        "number": f"finite number; write it as in training (style {column.get('style')}), or leave the cell empty",
    }[column["kind"]]


def _numeric(read: np.ndarray, column: dict[str, Any]) -> list[np.ndarray]:
    """Return the feature columns of a number, truth value or date, each (n,)."""
    if column["kind"] == "boolean":
        return [read]
    if column["kind"] == "number":
        return [(read - column["shift"]) / column["scale"]]
    found = [(read - column["origin"]) / DAY]
    for phase in column["phases"]:
        angle = 2 * np.pi * read / (DAY * (YEAR if phase == "year" else 1))
        found += [np.sin(angle), np.cos(angle)]
    return found


def _codes(cells: Sequence[str], levels: list[str]) -> np.ndarray:
    """Return float64 (n,): index of the category, the number of categories for any other, NaN where missing."""
    known = {level: float(index) for index, level in enumerate(levels)}
    codes: dict[str, float] = {}
    for text in set(cells):
        word = text.strip()
        codes[text] = known.get(word, np.nan if word.lower() in MISSING_CATEGORY else float(len(levels)))
    return np.fromiter(map(codes.__getitem__, cells), dtype=np.float64, count=len(cells))


def names(options: dict[str, Any]) -> list[str]:
    """Return a name for each column of the vector."""
    values, flags = _names(options)
    return values + flags


def blocks(options: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the column ranges of measured values and of zero-or-one flags."""
    values, flags = map(len, _names(options))
    found = {"values": (0, values), "flags": (values, values + flags)}
    return {name: bounds for name, bounds in found.items() if bounds[0] < bounds[1]}


def _names(options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of the values and of the flags."""
    values: list[str] = []
    flags: list[str] = []
    for column in options["columns"]:
        name = column["name"]
        if column["kind"] == "category":
            flags += [f"{name} = {level}" for level in column["levels"]] + [f"{name} = any other"]
        elif column["kind"] == "date":
            values += [
                f"{name}: days",
                *(f"{name}: {part} of {p}" for p in column["phases"] for part in ("sin", "cos")),
            ]
        else:
            values.append(name)
        if column["indicator"]:
            flags.append(f"{name} is missing")
    return values, flags
