"""Texts to weighted terms; self-contained (numpy), so that a bundle predicts with this very file."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["LONGEST", "featurise", "terms", "tidy", "words"]

Options = Mapping[str, Any]
LONGEST = 100_000
"""Characters of a text that are read."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


def tidy(text: str) -> tuple[str, str | None, str | None]:
    """Bring a text to one spelling of each letter and single spaces.

    Returns:
        The text, what is wrong with it or None, and what was changed beyond spaces or None.
    """
    changes = []
    if len(text) > LONGEST:
        changes.append(f"cut: of {len(text):,} characters the first {LONGEST:,} are read")
        text = text[:LONGEST]
    if text.count("�") > 0:
        changes.append(f"{text.count('�')} characters cannot be read (they were lost in another encoding)")
    plain = _CONTROL.sub("", text)
    if plain != text:
        changes.append("removed control characters")
    whole = _SPACES.sub(" ", unicodedata.normalize("NFKC", plain)).strip()
    if not any(letter.isalnum() for letter in whole):
        return whole, "holds no word, only signs; expected words" if whole else "empty; expected a text", None
    return whole, None, "; ".join(changes) or None


def terms(text: str, unit: str) -> Iterator[str]:
    """Yield the terms of a tidy text: words and pairs of words, or pairs and triples of characters where no space parts words."""
    run = words(text, unit)
    if unit == "characters":
        return ("".join(run[i : i + n]) for n in (2, 3) for i in range(len(run) - n + 1))
    return iter([*run, *(f"{a} {b}" for a, b in pairwise(run))])


def words(text: str, unit: str) -> list[str]:
    """Return the words of a tidy text in their order, or its letters and digits."""
    lower = text.lower()
    return [letter for letter in lower if letter.isalnum()] if unit == "characters" else _WORD.findall(lower)


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Weigh the terms of each text by (1 + ln tf) · idf, scaled to length √terms.

    Args:
        columns: Text by column name.
        options: ``columns`` (joined by a space), ``unit``, ``terms``, ``weights`` (inverse document frequencies).

    Returns:
        float32 (n, terms), and per row None or what is wrong with it, such a row being zero.
    """
    place = {term: i for i, term in enumerate(options["terms"])}
    weights = options["weights"]
    rows = list(zip(*(columns[name] for name in options["columns"]), strict=True))
    array = np.zeros((len(rows), max(len(place), 1)), dtype=np.float32)
    problems: list[str | None] = [None] * len(rows)
    for row, cells in enumerate(rows):
        text, problems[row] = _joined(cells)
        if problems[row] is None:
            counted = Counter(term for term in terms(text, options["unit"]) if term in place)
            for at, value in _weighted(counted, place, weights):
                array[row, at] = value
    return array, problems


def _joined(cells: Iterable[str]) -> tuple[str, str | None]:
    """Return the texts of a row as one; it is wrong only where none of them says anything."""
    found = [tidy(cell) for cell in cells]
    good = [text for text, problem, _ in found if problem is None]
    return (" ".join(good), None) if good else ("", found[0][1])


def _weighted(
    counted: Mapping[str, int], place: Mapping[str, int], weights: Sequence[float]
) -> list[tuple[int, float]]:
    raw = [(place[term], (1 + math.log(times)) * weights[place[term]]) for term, times in counted.items()]
    size = math.sqrt(sum(value * value for _, value in raw)) or 1.0
    return [(at, value / size * math.sqrt(len(raw))) for at, value in raw]
