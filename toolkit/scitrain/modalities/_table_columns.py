"""Decides what each column of a table is, and learns what its numbers need; every choice with its reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.modalities._table_features import (
    BOOLEANS,
    DAY,
    MISSING,
    MISSING_CATEGORY,
    YEAR,
    Parsed,
    dates,
    numbers,
    truths,
)

__all__ = ["Guess", "guess", "learn_category", "learn_date", "learn_number", "missing", "read"]

SAMPLE = 1000
"""Filled cells looked at to decide what a column is."""
MOSTLY = 0.9
"""Smallest share of the sample that must read alike; the rest may be mistakes to report."""
READABLE = 0.95
"""The same for all filled cells."""
MAX_LEVELS = 64
"""Categories with a column of their own; rarer ones share `any other`."""
RARE = 2
"""Times a category must occur in training for a column of its own."""
_STYLE_REASONS = {
    "plain": "its cells are numbers",
    "thousands": "its cells are numbers with thousands separators (1,234.5)",
    "comma": "its cells are numbers with a decimal comma (1.234,5): some have a comma not followed by three digits",
    "percent": "its cells are numbers with a percent sign; the number before the sign is used",
}
_ORDER_REASONS = {
    "ymd": "its cells are dates, year first",
    "dmy": "its cells are dates, day first: the first number exceeds 12 or the other order does not fit",
    "mdy": "its cells are dates, month first: the second number exceeds 12",
}


@dataclass(frozen=True)
class Guess:
    """What a column seems to be."""

    kind: str
    """number, boolean, date, category, or empty where there is nothing."""
    detail: str
    """Style of numbers, order of dates."""
    reason: str


def guess(cells: Sequence[str]) -> Guess:
    """Decide from cells spread over a column."""
    filled = _sample(cells)
    if not filled:
        return Guess("", "", "no cell is filled")
    if all(text.lower() in BOOLEANS for text in filled):
        return Guess("boolean", "", "its cells are truth values such as yes and no")
    for kind, details, reasons in (
        ("number", ("plain", "thousands", "comma", "percent"), _STYLE_REASONS),
        ("date", ("ymd", "dmy", "mdy"), _ORDER_REASONS),
    ):
        shares = {detail: _share(kind, detail, filled) for detail in details}
        best = max(shares, key=shares.__getitem__)
        if shares[best] >= MOSTLY:
            return Guess(kind, best, reasons[best])
    return Guess("category", "", f"its cells are words, such as {filled[0][:40]!r}")


def read(cells: Sequence[str], what: Guess) -> Parsed:
    """Read a whole column as what it was guessed to be."""
    if what.kind == "number":
        return numbers(cells, what.detail)
    return dates(cells, what.detail) if what.kind == "date" else truths(cells)


def missing(cells: Sequence[str], kind: str) -> list[int]:
    """Return the rows whose cell is missing."""
    words = MISSING_CATEGORY if kind == "category" else MISSING
    return [row for row, cell in enumerate(cells) if len(cell) < 10 and cell.strip().lower() in words]


def learn_number(values: np.ndarray) -> dict[str, float]:
    """Return shift and scale that keep a column exact in float32; 0 and 1 unless its numbers are extreme."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"shift": 0.0, "scale": 1.0}
    peak = float(np.abs(finite).max()) or 1.0
    spread = float(np.std(finite / peak)) * peak
    center = float(np.median(finite))
    shift = center if 0 < 1000 * spread < abs(center) else 0.0
    size = spread or peak
    return {"shift": shift, "scale": 1.0 if 1e-4 <= size <= 1e6 else float(10.0 ** np.floor(np.log10(size)))}


def learn_date(seconds: np.ndarray) -> dict[str, object]:
    """Return the first date, and the rhythms worth a sine and a cosine."""
    finite = seconds[np.isfinite(seconds)]
    if not len(finite):
        return {"origin": 0.0, "phases": ()}
    phases = ["year"] if np.ptp(finite) > 0.25 * YEAR * DAY else []
    if np.any(finite % DAY):
        phases.append("day")
    return {"origin": float(finite.min()), "phases": tuple(phases)}


def learn_category(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the commonest categories, in alphabetical order."""
    counts = Counter(cell.strip() for cell in cells)
    real = [(text, count) for text, count in counts.most_common() if text.lower() not in MISSING_CATEGORY]
    least = RARE if len(real) > RARE * 2 else 1
    return tuple(sorted(text for text, count in real[:MAX_LEVELS] if count >= least))


def _sample(cells: Sequence[str]) -> list[str]:
    """Return filled cells spread over the column, stripped."""
    step = max(1, len(cells) // (4 * SAMPLE))
    spread = (cells[row].strip() for row in range(0, len(cells), step))
    filled = [text for text in spread if text.lower() not in MISSING][:SAMPLE]
    if filled or step == 1:
        return filled
    return [text for cell in cells if (text := cell.strip()).lower() not in MISSING][:SAMPLE]


def _share(kind: str, detail: str, filled: list[str]) -> float:
    """Return the share of cells that read so."""
    return 1 - len(read(filled, Guess(kind, detail, ""))[1]) / len(filled)
