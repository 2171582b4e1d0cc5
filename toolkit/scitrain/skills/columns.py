"""Which column of a file a request means, from the header alone."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scitrain.errors import ScitrainError
from scitrain.skills.manifest import Vocabulary
from scitrain.skills.slots import Slots
from scitrain.skills.text import Text, dice, parts
from scitrain.workspace import Workspace

__all__ = ["Target", "column_words", "header", "target"]

TABLES = (".csv", ".tsv", ".tab", ".txt", ".dat")
HEADER_BYTES = 65_536
NEAR = 0.6
NO_TARGET = frozenset({"smiles", "formula", "composition", "split", "fold", "name", "model", "data"})
"""Columns that words of a request never mean as the target."""
PLAIN = re.compile(r"[a-z]+")
Target = tuple[list[str], bool]
"""Columns that may be meant, and whether it is known that the file has them."""


def header(data: str, workspace: Workspace) -> tuple[str, ...]:
    """Return the column names of a text table that may be read; none where that takes more than its first line."""
    try:
        path = workspace.readable(data)
    except ScitrainError:
        return ()
    return _first_line(path) if path.suffix.lower() in TABLES and path.is_file() else ()


def _first_line(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(HEADER_BYTES)
        dialect = csv.Sniffer().sniff(line, delimiters=",;\t|")
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    return tuple(name.strip() for name in next(csv.reader([line], dialect), []))


def target(slots: Slots, known: Sequence[str], properties: Mapping[str, Vocabulary]) -> Target:
    """Return the columns that are meant as the target.

    Where the header is known, only columns it has are returned; else only what the request calls the target, or what
    looks like a column's name and no plain word.
    """
    if not known:
        odd = [name for name in slots.columns if not PLAIN.fullmatch(name)]
        return list(slots.targets or odd[:1]), False
    said = [_nearest(name, known) for name in slots.targets or slots.columns]
    found = (
        [name for name in dict.fromkeys(said) if name]
        or _spoken(slots, known)
        or _by_property(slots, known, properties)
    )
    return found, bool(found)


def column_words(name: str, properties: Mapping[str, Vocabulary]) -> Vocabulary:
    """Return what a request may call a column of numbers: its name, and the properties whose letters stand in it."""
    if name.lower() in NO_TARGET or not re.search(r"\w", name):
        return Vocabulary()
    ours = [words for key, words in properties.items() if _bare(key) in _bare(name)]
    return Vocabulary(
        en=(name, *(p for words in ours for p in words.en)), ja=tuple(p for words in ours for p in words.ja)
    )


def _bare(name: str) -> str:
    return re.sub(r"\(.*?\)|\[.*?\]|[\W_]+", "", name.lower())


def _nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the column of that name, in any case, number and punctuation, or the one that is clearly the nearest."""
    exact = [column for column in known if column == name] or [
        c for c in known if _bare(c).rstrip("s") == _bare(name).rstrip("s")
    ]
    if exact:
        return exact[0]
    inside = [c for c in known if len(_bare(name)) >= 4 and _bare(name) in _bare(c)]
    near = inside or [c for c in known if dice(_bare(c), _bare(name)) >= NEAR]
    return near[0] if len(near) == 1 else None


def _spoken(slots: Slots, known: Sequence[str]) -> list[str]:
    """Return the column whose name stands in the request as a word; none where several do."""
    text = slots.text
    for named in slots.files:
        text = text.replace(named.value, " ")
    whole = [
        c
        for c in known
        if len(c) >= 3 and re.search(rf"(?<![A-Za-z0-9_]){re.escape(c)}(?![A-Za-z0-9_])", text, re.IGNORECASE)
    ]
    whole = [c for c in whole if c.lower() not in NO_TARGET]
    return whole if len(whole) == 1 else []


def _by_property(slots: Slots, known: Sequence[str], properties: Mapping[str, Vocabulary]) -> list[str]:
    """Return the one column whose name holds a property that the request speaks of in either language."""
    text = Text.of(slots.text)
    keys = [key for key, words in properties.items() if any(_stands(phrase, text) for phrase in words.phrases())]
    found = [column for column in known if any(_bare(key) in _bare(column) for key in keys)]
    return found if len(found) == 1 else []


def _stands(phrase: str, text: Text) -> bool:
    return all(bool(text.places(part)) for part in parts(phrase))
