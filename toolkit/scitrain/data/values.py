"""Cells as numbers, words and times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scitrain.data.columns import TextColumn, as_arrow
from scitrain.modalities._table_features import STYLES, dates

__all__ = ["MISSING", "Numbers", "missing_mask", "numbers", "spelt_numbers", "times"]

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "-", "?", "missing")
"""Words (lower case) that stand for a missing label; whether they do so in an input is the modality's business."""
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
SPELLINGS = {
    "thousands": "with thousands separators (1,234.5)",
    "comma": "with a decimal comma (1.234,5)",
    "percent": "with a percent sign",
}
ORDERS = {"ymd": "dates, year first", "dmy": "dates, day first", "mdy": "dates, month first"}
ZONE = r"\d\d:\d\d.*(Z|UTC|[-+]\d\d(:?\d\d)?)$"
"""A moment that says how far its clock is ahead of UTC …"""
AHEAD = r"\d\d:\d\d.*[-+]\d\d(:?\d\d)?$"
"""… and one whose clock is not that of UTC."""
MOSTLY = 0.9
"""Smallest share of the filled cells that must be spelt alike; the others are mistakes to report."""


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers."""

    values: np.ndarray
    """float64 (n,), NaN where a cell is missing or no finite number."""
    missing: np.ndarray
    """bool (n,): the cell is empty or a word for missing."""
    bad: np.ndarray
    """bool (n,): the cell holds something else: text, infinity, a number too large."""
    spelling: str = ""
    """How they are written where that is not plain, as one of `SPELLINGS`."""
    order: str = "numbers"
    """What `times` took the cells for, in words."""

    @property
    def remark(self) -> str:
        """Words for the spelling, empty where it is plain."""
        return f", written {SPELLINGS[self.spelling]}" if self.spelling else ""


def _tidy(cells: Sequence[str]) -> pa.Array:
    """Trim, and write the typographic minus as a hyphen."""
    return pc.replace_substring(pc.utf8_trim_whitespace(as_arrow(cells)), "−", "-")


def missing_mask(cells: Sequence[str]) -> np.ndarray:
    """Return bool (n,): which cells of a label column are empty or a word for missing."""
    lowered = pc.utf8_lower(pc.utf8_trim_whitespace(as_arrow(cells)))
    return np.asarray(pc.is_in(lowered, pa.array(MISSING, pa.large_string())))


def numbers(cells: Sequence[str]) -> Numbers:
    """Read decimal numbers in English notation; nothing is guessed."""
    tidy = _tidy(cells)
    is_number = pc.match_substring_regex(tidy, NUMBER)
    values = np.array(pc.fill_null(pc.cast(pc.if_else(is_number, tidy, None), pa.float64()), np.nan))
    missing = missing_mask(cells)
    # A number beyond float32 would become infinite in the network.
    too_large = np.abs(values) > np.finfo(np.float32).max
    values[too_large] = np.nan
    return Numbers(values, missing, ~missing & np.isnan(values))


def spelt_numbers(cells: Sequence[str]) -> Numbers:
    """Read a whole column in the spelling that most of its cells share: 1234.5, 1,234.5, 1.234,5 or 12 %.

    Of a percentage the number before the sign is taken.
    """
    plain = numbers(cells)
    filled = int((~plain.missing).sum())
    if plain.bad.sum() <= (1 - MOSTLY) * filled:
        return plain
    tidy = pc.replace_substring_regex(_tidy(cells), "[\u00a0\u2009\u202f]", " ")
    for spelling in SPELLINGS:
        fits = pc.match_substring_regex(tidy, f"^(?:{STYLES[spelling].pattern})$")
        if pc.sum(fits).as_py() >= MOSTLY * filled:
            bare = pc.replace_substring_regex(tidy, "[. ]" if spelling == "comma" else "[, %]", "")
            read = numbers(TextColumn(pc.if_else(fits, pc.replace_substring(bare, ",", "."), tidy)))
            return replace(read, spelling=spelling)
    return plain


def times(cells: Sequence[str]) -> Numbers:
    """Read numbers, or dates such as ``2024-05-17 12:30:00+02:00``, ``17.05.2024`` or ``05/17/2024 1:30 PM`` as seconds since 1970 UTC.

    One order serves the whole column. Where most cells name a time zone, one without is bad: its moment is not known.
    """
    read = numbers(cells)
    if read.bad.sum() <= 0.5 * len(read.values):
        return read
    found = _year_first(cells, read.missing)
    for order in ("ymd", "dmy", "mdy"):
        if found.bad.sum() > (1 - MOSTLY) * (~read.missing).sum():
            values, bad = dates(cells, order)
            wrong = np.isin(np.arange(len(values)), bad)
            found = min(
                found, Numbers(values, read.missing, wrong, order=ORDERS[order]), key=lambda n: int(n.bad.sum())
            )
    return _in_one_zone(cells, found)


def _in_one_zone(cells: Sequence[str], read: Numbers) -> Numbers:
    tidy, good = _tidy(cells), ~np.isnan(read.values)
    zoned = np.asarray(pc.match_substring_regex(tidy, ZONE))
    ahead = np.asarray(pc.match_substring_regex(tidy, AHEAD))
    if not ahead[good].any() or zoned[good].all():  # a moment that names none is read as UTC
        return read
    mostly = bool(zoned[good].mean() >= 0.5)
    lost = good & (~zoned if mostly else zoned)
    values = np.where(lost, np.nan, read.values)
    kind = "with a time zone" if mostly else "without a time zone"
    return replace(read, values=values, bad=read.bad | lost, order=f"{read.order}, {kind}")


def _year_first(cells: Sequence[str], missing: np.ndarray) -> Numbers:
    tidy = pc.replace_substring(_tidy(cells), "/", "-")
    shaped = pc.match_substring_regex(tidy, r"^\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?Z?)?$")
    found = [_seconds(cell) if ok else np.nan for cell, ok in zip(TextColumn(tidy), np.asarray(shaped), strict=True)]
    values = np.array(found, dtype=np.float64)
    return Numbers(values, missing, ~missing & np.isnan(values), order=ORDERS["ymd"])


def _seconds(cell: str) -> float:
    try:
        moment = np.datetime64(cell.strip().removesuffix("Z").replace(" ", "T"), "ms")
    except ValueError:
        return float("nan")
    return float(moment.astype(np.int64)) / 1000
