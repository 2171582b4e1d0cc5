"""Which named file takes which place in a plan: what the request says beside a file, else the order in which files are named."""

import re
from collections.abc import Sequence
from itertools import pairwise, permutations
from typing import NamedTuple

from pydantic import JsonValue

from scitrain.skills.manifest import FileRole
from scitrain.skills.slots import Named, Slots
from scitrain.skills.text import Span, Text, parts

__all__ = ["Placed", "share"]

REACH = 32
"""Most characters between a file and the words that say what it is, and between these words."""
MOST = 8
"""Files whose words are looked at."""
SENTENCE = re.compile(r"[.!?]\s|[;。！？]")
PLACE = re.compile(r"(\w+)\.(\w+)(?:\[(\w+)\])?")
"""``tool.argument``, or ``tool.argument[key]`` for a list of objects that hold the file under that key."""


class Placed(NamedTuple):
    """A file as the value of an argument."""

    tool: str
    argument: str
    value: JsonValue


def share(roles: Sequence[FileRole], slots: Slots, files: Sequence[Named]) -> tuple[list[Placed], list[Named]]:
    """Give each role a file: what the most and nearest words say, then the order; return the places and the files left over."""
    taken = _said(roles, slots, files[:MOST])
    free = [j for j in range(len(files)) if j not in taken.values()]
    for i in range(len(roles)):
        if i not in taken and free:
            taken[i] = free.pop(0)
    placed = [place for i, j in sorted(taken.items()) for place in _places(roles[i], files[j].value)]
    return placed, [files[j] for j in free]


def _said(roles: Sequence[FileRole], slots: Slots, files: Sequence[Named]) -> dict[int, int]:
    """Return the file of each role of which words say it."""
    text = Text.of(slots.blank)
    costs = {(i, j): _cost(role, file, files, text) for i, role in enumerate(roles) for j, file in enumerate(files)}
    said = {pair: cost for pair, cost in costs.items() if cost is not None}
    ways = [
        [(i, j) for i, j in enumerate(way) if (i, j) in said]
        for way in permutations([*range(len(files)), *(-1 for _ in roles)], len(roles))
    ]
    best = max(ways, key=lambda way: (len(way), -sum(said[pair] for pair in way)))
    return dict(best)


def _places(role: FileRole, value: str) -> list[Placed]:
    matched = [match for match in map(PLACE.fullmatch, role.goes) if match is not None]
    return [Placed(m[1], m[2], [{m[3]: value}] if m[3] else value) for m in matched]


def _cost(role: FileRole, file: Named, files: Sequence[Named], text: Text) -> int | None:
    """Return how far the nearest words of a role stand from a file; None where none do."""
    costs = []
    for phrase in role.said.phrases():
        before, after = (parts(side) if side.strip() else () for side in phrase.split("*"))
        spans = [*_back(before, file, text), (file.at, file.at + len(file.value)), *_on(after, file, text)]
        if len(spans) == len(before) + 1 + len(after):
            between = [(a[1], b[0]) for a, b in pairwise(spans)]
            if all(_joined(one, file, files, text) for one in between):
                costs.append(sum(end - start for start, end in between))
    return min(costs, default=None)


def _back(before: Sequence[str], file: Named, text: Text) -> list[Span]:
    """Return the nearest places of words before a file, the last word first found."""
    spans: list[Span] = []
    for part in reversed(before):
        end = spans[0][0] if spans else file.at
        last = max((span for span in text.places(part) if span[1] <= end), default=None)
        spans = spans if last is None else [last, *spans]
    return spans


def _on(after: Sequence[str], file: Named, text: Text) -> list[Span]:
    """Return the nearest places of words after a file."""
    spans: list[Span] = []
    for part in after:
        start = spans[-1][1] if spans else file.at + len(file.value)
        first = min((span for span in text.places(part) if span[0] >= start), default=None)
        spans = spans if first is None else [*spans, first]
    return spans


def _joined(between: Span, file: Named, files: Sequence[Named], text: Text) -> bool:
    """Tell whether two places belong together: near, in one sentence, and no other file between them."""
    start, end = between
    other = any(start <= one.at < end for one in files if one is not file)
    return end - start <= REACH and not other and SENTENCE.search(text.normal[start:end]) is None
