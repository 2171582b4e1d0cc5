"""Decides what each column of a table is, and learns what its numbers need; every choice with its reason."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from scitrain.modalities._table_features import DAY, MISSING, MISSING_CATEGORY, YEAR, Parsed, dates, numbers, truths

__all__ = ["Examined", "Guess", "examine", "guess", "learn_category", "learn_date", "learn_number"]

SAMPLE = 1000
"""Filled cells looked at to decide what a column is."""
MOSTLY = 0.9
"""Smallest share of the sample that must read alike; the rest may be mistakes to report."""
READABLE = 0.95
"""The same for all filled cells, and for cells whose mistakes are still to be reported."""
MAX_LEVELS = 64
"""Categories with a column of their own; rarer ones share `any other`."""
RARE = 2
"""Times a category must occur in training for a column of its own."""
BOOLEAN_PAIRS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"))
_STYLE_REASONS = {
    "plain": "its cells are numbers",
    "thousands": "its cells are numbers with thousands separators (1,234.5): three digits follow each comma",
    "comma": "its cells are numbers with a decimal comma (1.234,5): some have a comma not followed by three digits",
    "percent": "its cells are numbers with a percent sign; the number before the sign is used",
}
_ORDER_REASONS = {
    "ymd": "its cells are dates, year first",
    "dmy": "its cells are dates, day first",
    "mdy": "its cells are dates, month first: some have a second number above 12",
}


@dataclass(frozen=True)
class Guess:
    """What a column seems to be."""

    kind: str
    """number, boolean, date, category, or empty where there is nothing."""
    detail: str
    """Style of numbers, order of dates."""
    reason: str


@dataclass(frozen=True)
class Examined:
    """A whole column, read as what it is."""

    what: Guess
    values: np.ndarray
    """float64 (n,): numbers, seconds, zeros and ones, or the codes of words; NaN where ``absent`` or ``bad``."""
    absent: np.ndarray
    """bool (n,): whether the cell is missing."""
    bad: list[int]
    """Rows whose cell contradicts the rest of the column."""


def guess(cells: Sequence[str]) -> Guess:
    """Decide from cells spread over a column."""
    filled = _sample(cells)
    if not filled:
        word = min((text for text in set(cells) if text.strip().lower() not in MISSING_CATEGORY), default=None)
        if word is None:
            return Guess("", "", "no cell is filled")
        # `nil` is nothing among numbers, but a word where no other cell says what the column is
        return Guess("category", "", f"its cells are words, such as {word[:40]!r}")
    if any({text.lower() for text in filled} <= set(pair) for pair in BOOLEAN_PAIRS):
        return Guess("boolean", "", "its cells are truth values such as yes and no")
    for kind, details, reasons in (
        ("number", ("plain", "thousands", "comma", "percent"), _STYLE_REASONS),
        ("date", ("ymd", "dmy", "mdy"), _ORDER_REASONS),
    ):
        shares = {detail: _share(kind, detail, filled) for detail in details}
        best = max(shares, key=shares.__getitem__)
        if shares[best] >= MOSTLY:
            assumed = "; month first would fit as well" if best == "dmy" and shares["mdy"] == shares["dmy"] else ""
            return Guess(kind, best, reasons[best] + assumed)
    return Guess("category", "", f"its cells are words, such as {filled[0][:40]!r}")


def examine(cells: Sequence[str], tolerance: float = 1 - READABLE) -> Examined:
    """Read a whole column; it is one of words where more than a share of its cells contradicts the first impression."""
    what = guess(cells)
    if what.kind in ("number", "boolean", "date"):
        values, bad = _read(cells, what)
        absent = np.isnan(values)
        absent[bad] = False
        filled = len(values) - int(absent.sum())
        if len(bad) <= tolerance * filled:
            return Examined(what, values, absent, bad)
        what = Guess("category", "", f"only {1 - len(bad) / filled:.0%} of its cells are a {what.kind}")
    codes = {text: word_code(text) for text in set(cells)}
    values = np.fromiter(map(codes.__getitem__, cells), dtype=np.float64, count=len(cells))
    return Examined(what, values, np.isnan(values), [])


def word_code(text: str) -> float:
    """Return a number that equal words share, NaN for one that is missing."""
    text = text.strip()
    if text.lower() in MISSING_CATEGORY:
        return np.nan
    return float(int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()))


def _read(cells: Sequence[str], what: Guess) -> Parsed:
    """Read cells as what they were guessed to be."""
    if what.kind == "number":
        return numbers(cells, what.detail)
    return dates(cells, what.detail) if what.kind == "date" else truths(cells)


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


def learn_category(cells: Iterable[str]) -> tuple[str, ...]:
    """Return the commonest categories, in alphabetical order."""
    counts = Counter(map(str.strip, cells))
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
    return 1 - len(_read(filled, Guess(kind, detail, ""))[1]) / len(filled)
