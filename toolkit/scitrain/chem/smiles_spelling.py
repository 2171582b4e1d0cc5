"""Where a SMILES is misspelled: RDKit only writes that to stderr, and a user needs the position."""

import re
from functools import cache

from rdkit import Chem

from scitrain.chem.molecule_features import TOKEN

__all__ = ["mistake"]

ELEMENT = re.compile(r"\[\d*([A-Z][a-z]?|[a-z]{1,2})")
AROMATIC = frozenset({"b", "c", "n", "o", "p", "s", "si", "as", "se", "te"})
RING = re.compile(r"%?\d+$")


def mistake(text: str) -> str | None:
    """Return the first mistake in the spelling: a symbol, an element, a branch or a ring that does not close.

    None where none of these is found; the symbols may still stand in a meaningless order. Positions count from 1.
    """
    if ">" in text:
        return "'>' makes it a reaction; expected one molecule"
    rings: dict[str, int] = {}
    branches: list[int] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            return _no_symbol(text[at], at + 1)
        at = match.end()
        if problem := _element(match[0], match.start() + 1) or _branch(match[0], match.start() + 1, branches):
            return problem
        _ring(match[0], match.start() + 1, rings)
    return _left_open(branches, rings)


def _no_symbol(character: str, position: int) -> str:
    if character == "[":
        return f"'[' at position {position} is never closed"
    return f"{character!r} at position {position} is no SMILES symbol"


def _element(token: str, position: int) -> str | None:
    """Name an unknown element of a bracket atom; the second letter of ``[nH]`` belongs to the hydrogen."""
    found = ELEMENT.match(token)
    if found is None or {found[1], found[1][0]} & _elements():
        return None
    return f"{token} at position {position} names no element"


@cache
def _elements() -> frozenset[str]:
    table = Chem.GetPeriodicTable()
    return AROMATIC.union(table.GetElementSymbol(number) for number in range(1, 119))


def _branch(token: str, position: int, branches: list[int]) -> str | None:
    if token == "(":
        branches.append(position)
    elif token == ")":
        if not branches:
            return f"')' at position {position} closes nothing"
        branches.pop()
    return None


def _ring(token: str, position: int, rings: dict[str, int]) -> None:
    if RING.match(token):
        label = token.removeprefix("%").lstrip("0") or "0"
        if rings.pop(label, None) is None:
            rings[label] = position


def _left_open(branches: list[int], rings: dict[str, int]) -> str | None:
    if branches:
        return f"'(' at position {branches[-1]} is never closed"
    if rings:
        label, position = next(iter(rings.items()))
        return f"ring {label} opened at position {position} is never closed"
    return None
