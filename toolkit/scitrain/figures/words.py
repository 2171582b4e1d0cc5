"""Numbers, intervals and names as a person reads them; alike in figures, cards and reports. Imports nothing heavy."""

import math
import unicodedata
from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol

__all__ = [
    "DASH",
    "Measured",
    "columns",
    "count",
    "fixed",
    "joined",
    "number",
    "one_line",
    "percent",
    "percent_interval",
    "shorten",
    "shortened",
    "with_interval",
    "with_unit",
    "wrap",
    "wrap_parts",
]

DASH = "–"
"""Stands where there is no value."""
MINUS = "\N{MINUS SIGN}"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_DECIMALS = 6


class Measured(Protocol):
    """A value with its interval, as `MetricRow` and `BaselineValue` are."""

    @property
    def value(self) -> float | None:
        """The value, or None where it is undefined."""

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""


def number(value: float | None, digits: int = 3) -> str:
    """Return a number to ``digits`` significant digits, and a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPT)}".replace("-", MINUS)
    return fixed(value, digits - 1 - math.floor(math.log10(abs(value))))


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals, thousands parted, with a true minus and never a negative zero."""
    rounded = round(value, decimals) + 0.0
    return f"{rounded:,.{min(max(decimals, 0), MOST_DECIMALS)}f}".replace("-", MINUS)


def count(value: float | None) -> str:
    """Return a whole number with its thousands parted."""
    return DASH if value is None else f"{round(value):,}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of one in per cent; round shares without decimals."""
    if share is None or not math.isfinite(share):
        return DASH
    text = f"{100 * share:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def with_unit(text: str, unit: str | None) -> str:
    """Put the unit behind a number, where there is one."""
    return f"{text} {one_line(unit)}" if unit and text != DASH else text


def percent_interval(measured: Measured) -> str:
    """Return ``86.9 % [80.8, 91.3]``."""
    if measured.value is None or measured.low is None or measured.high is None:
        return percent(measured.value)
    return f"{percent(measured.value)} [{percent(measured.low)[:-2]}, {percent(measured.high)[:-2]}]"


def with_interval(measured: Measured, unit: str | None = "") -> str:
    """Return ``0.612 [0.551, 0.683] eV``: as many decimals as the interval can bear; a dash where there is no value."""
    value, low, high = measured.value, measured.low, measured.high
    if value is None:
        return DASH
    if low is None or high is None:
        return with_unit(number(value), unit)
    return with_unit(f"{_alike(value, high - low)} [{_alike(low, high - low)}, {_alike(high, high - low)}]", unit)


def _alike(value: float, width: float) -> str:
    """Return a number whose last digits are two of the interval's half width."""
    decimals = 1 - math.floor(math.log10(width / 2)) if width > 0 else MOST_DECIMALS + 1
    return number(value) if decimals > MOST_DECIMALS or abs(value) >= 1e6 else fixed(value, decimals)


def joined(*words: str) -> str:
    """Put the words that are there in a row, parted by dots."""
    return " · ".join(word for word in words if word)


def one_line(text: str) -> str:
    """Replace line breaks, tabs and other control characters by single spaces."""
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text).split())


def columns(text: str) -> int:
    """Return the width in columns of a typewriter: a Chinese or Japanese character fills two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a name wider than ``width`` columns: names of one family differ at their ends."""
    text = one_line(text)
    if columns(text) <= width:
        return text
    head, tail = _fitting(text, (width - 1 + 1) // 2), _fitting(text[::-1], (width - 1) // 2)[::-1]
    return f"{head.rstrip()}…{tail.lstrip()}"


def _fitting(text: str, width: int) -> str:
    """Return the longest start of ``text`` that fills at most ``width`` columns."""
    end, used = 0, 0
    while end < len(text) and used + columns(text[end]) <= width:
        used += columns(text[end])
        end += 1
    return text[:end]


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Shorten several names so that those that differed still differ."""
    short = [shorten(name, width) for name in names]
    if len(set(short)) < len(set(names)):
        head, tail = alike_at_start(names), alike_at_start([name[::-1] for name in names])
        short = [shorten(f"…{name[head : len(name) - tail]}…", width) for name in names]
    return [f"{s} ({i})" if short.count(s) > 1 else s for i, s in enumerate(short, 1)]


def alike_at_start(names: Sequence[str]) -> int:
    """Return how many characters all names begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def wrap_parts(text: str, width: int) -> str:
    """Break a text made by `joined` into lines, between its parts where they fit."""
    lines: list[str] = []
    for part in (one_line(part) for part in text.split(" · ")):
        together = joined(lines[-1], part) if lines else part
        lines[-1 if lines and columns(together) <= width else len(lines) :] = [
            together if columns(together) <= width else part
        ]
    return "\n".join(wrap(line, width) for line in lines)


def wrap(text: str, width: int) -> str:
    """Break a text into lines of at most ``width`` columns, at spaces where there are some."""
    lines: list[str] = [""]
    for word in one_line(text).split(" "):
        rest = word
        if lines[-1] and columns(lines[-1]) + 1 + columns(rest) > width:
            lines.append("")
        while columns(rest) > width:
            head = _fitting(rest, width)
            lines[-1:] = [head, ""]
            rest = rest[len(head) :]
        lines[-1] = f"{lines[-1]} {rest}" if lines[-1] else rest
    return "\n".join(line for line in lines if line)
