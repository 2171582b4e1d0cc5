"""SMILES, token by token: branches and rings that close, bonds between atoms, valences that are not exceeded.

Without aromatic atoms, as `smiles_gpt` spells molecules, such a string is a molecule. What no mask sees is whether aromatic
rings can be written with double bonds; a network that was taught these has to learn it.
"""

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from rdkit import Chem, rdBase

from scitrain.generation.grammar import Grammar, Reading, Words

__all__ = ["SmilesGrammar"]

Kind = Literal["atom", "bond", "open", "close", "ring", "dot", "other"]
ORDERS = {"-": 1, "/": 1, "\\": 1, ":": 1, "=": 2, "#": 3, "$": 4}
VALENCE = {"B": 3, "C": 4, "N": 3, "O": 2, "P": 5, "S": 6, "F": 1, "Cl": 1, "Br": 1, "I": 1}
NEIGHBOURS = {"b": 3, "c": 3, "n": 3, "o": 2, "p": 3, "s": 2, "se": 2, "te": 2, "as": 3, "si": 3}
"""Of an aromatic atom; a double bond out of the ring, as in a pyridone, takes the place of one."""
LENT = {"n": 0, "o": 1, "s": 1}
"""Neighbours that a positive charge gives an aromatic atom; it takes one of others."""
MOST = 8
OPENINGS = 3
BRACKET = re.compile(
    r"\[\d*(?P<symbol>[A-Z][a-z]?|[a-z]{1,2}|\*)@{0,2}(?:H(?P<h>\d?))?(?P<charge>[+-]+\d?)?(?::\d+)?\]"
)
RING = re.compile(r"%?\d+|%\(\d+\)")


@dataclass(frozen=True)
class _Word:
    """What a token is."""

    kind: Kind
    order: int = 1
    room: int = 0
    """Of an atom: bonds that it takes."""
    aromatic: bool = False


SIMPLE = {
    **{token: _Word("bond", order) for token, order in ORDERS.items()},
    **{token: _Word("atom", room=room) for token, room in VALENCE.items()},
    **{token: _Word("atom", room=room, aromatic=True) for token, room in NEIGHBOURS.items()},
    "(": _Word("open"),
    ")": _Word("close"),
    ".": _Word("dot"),
}


def _word(token: str) -> _Word:
    if token in SIMPLE:
        return SIMPLE[token]
    if RING.fullmatch(token):
        return _Word("ring")
    found = BRACKET.fullmatch(token)
    return _Word("other") if found is None else _bracket(found)


def _bracket(found: re.Match[str]) -> _Word:
    symbol, charge = found["symbol"], found["charge"] or ""
    taken = 0 if found["h"] is None else int(found["h"] or 1)
    if symbol in NEIGHBOURS:
        room = NEIGHBOURS[symbol] + {"+": LENT.get(symbol, -1), "-": -1}.get(charge[:1], 0)
        return _Word("atom", room=max(0, room - taken), aromatic=True)
    return _Word("atom", room=_room(symbol, taken, charge))


@cache
def _room(symbol: str, taken: int, charge: str) -> int:
    """Return how many bonds RDKit lets an atom in brackets have, which for some charges no table tells well."""
    quiet = rdBase.BlockLogs()
    fits = [more for more in range(MOST + 1) if Chem.MolFromSmiles(f"[{symbol}H{taken + more}{charge}]") is not None]
    del quiet
    return max(fits, default=0)


class _Spot(NamedTuple):
    """All that decides what may follow; equal spots have the same mask."""

    kind: str
    order: int
    free: int
    """Bonds that the atom at hand still takes."""
    aromatic: bool
    branches: bool
    rings: bool
    bare: bool
    closing: tuple[int, ...]
    opening: tuple[int, ...]
    tight: bool


class SmilesGrammar(Grammar):
    """SMILES after the OpenSMILES specification, without dummy atoms and reactions."""

    def __init__(self, words: Words) -> None:
        super().__init__(words)
        self.read = [_word(token) if i in words.known else _Word("other") for i, token in enumerate(words.tokens)]
        self.of_kind = {
            kind: self.mask([i for i, word in enumerate(self.read) if word.kind == kind])
            for kind in ("bond", "open", "close", "ring", "dot")
        }
        self.of_kind["none"] = self.mask([])
        self.takes = [
            self.mask([i for i, word in enumerate(self.read) if word.kind == "atom" and _fits(word, order)])
            for order in range(5)
        ]
        """Atoms that a bond of an order may lead to …"""
        self.leads = [
            self.mask(
                [
                    i
                    for i, word in enumerate(self.read)
                    if word.kind == "atom" and _fits(word, order) and _goes_on(word, order)
                ]
            )
            for order in range(5)
        ]
        """… and those among them that have a bond left."""
        self.bonds = [
            self.mask([i for i, word in enumerate(self.read) if word.kind == "bond" and word.order <= room])
            for room in range(MOST + 1)
        ]
        self.closures = sorted(
            np.flatnonzero(self.of_kind["ring"]).tolist(), key=lambda i: int(words.tokens[i].strip("%()"))
        )
        self.eos = self.mask([words.eos])
        self.cache: dict[_Spot, np.ndarray] = {}

    def begin(self) -> Reading:
        """Return the reading of an empty string."""
        return _SmilesReading(self)


def _fits(word: _Word, order: int) -> bool:
    """Tell whether an atom can be reached by a bond; an aromatic one counts neighbours, and takes no triple bond."""
    return word.room >= 1 and order <= 2 if word.aromatic else word.room >= order


def _goes_on(word: _Word, order: int) -> bool:
    return word.room >= (1 if word.aromatic else order) + 1


@dataclass
class _SmilesReading(Reading):
    grammar: SmilesGrammar
    room: list[int] = field(default_factory=list)
    """Free bonds of each atom."""
    aromatic: list[bool] = field(default_factory=list)
    near: list[set[int]] = field(default_factory=list)
    """Neighbours of each atom."""
    at: int = -1
    """Atom that a bond would start from."""
    branches: list[int] = field(default_factory=list)
    rings: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Token to the atom that opened the ring, and the order it gave, 0 where it gave none."""
    kind: str = "start"
    order: int = 1

    def advance(self, token: int) -> None:
        """Read one more token; one that the grammar does not allow is read as well as can be."""
        word = self.grammar.read[token]
        if word.kind == "atom":
            self._atom(word)
        elif word.kind == "bond":
            self.order = word.order
        elif word.kind == "open":
            self.branches.append(self.at)
        elif word.kind == "close" and self.branches:
            self.at = self.branches.pop()
        elif word.kind == "ring" and self.at >= 0:
            self._ring(token)
        elif word.kind == "dot":
            self.at = -1
        self.kind = "lead" if word.kind == "bond" and self.kind == "open" else word.kind

    def copy(self) -> Reading:
        """Return its twin."""
        own = {"room": [*self.room], "aromatic": [*self.aromatic], "near": [{*one} for one in self.near]}
        return replace(self, **own, branches=[*self.branches], rings={**self.rings})  # type: ignore[arg-type]

    def _atom(self, word: _Word) -> None:
        new = len(self.room)
        self.room.append(word.room)
        self.aromatic.append(word.aromatic)
        self.near.append(set())
        if self.at >= 0:
            self._bond(self.at, new, self.order)
        self.at, self.order = new, 1

    def _bond(self, one: int, other: int, order: int) -> None:
        for atom in (one, other):
            self.room[atom] -= 1 if self.aromatic[atom] else order
        self.near[one].add(other)
        self.near[other].add(one)

    def _ring(self, token: int) -> None:
        said = self.order if self.kind == "bond" else 0
        if token not in self.rings:
            self.rings[token] = self.at, said
            self.room[self.at] -= self._takes(self.at, said)  # kept free for the bond to come
        else:
            other, order = self.rings.pop(token)
            self.room[other] += self._takes(other, order)
            self._bond(self.at, other, max(order, said, 1))
        self.order = 1

    def _takes(self, atom: int, order: int) -> int:
        """Return what a bond takes of an atom's room; a bond of order 0 is not said, and single."""
        return 1 if self.aromatic[atom] else max(order, 1)

    def allowed(self, left: int) -> np.ndarray:
        """Return what may follow."""
        free = min(self.room[self.at], MOST) if self.at >= 0 else 0
        tight = left <= len(self.branches) + len(self.rings) + 4
        spot = _Spot(
            self.kind,
            self.order,
            free,
            self.at >= 0 and self.aromatic[self.at],
            bool(self.branches),
            bool(self.rings),
            self._bare(),
            self._closable(),
            () if tight else self._openable(),
            tight,
        )
        known = self.grammar.cache.get(spot)
        if known is None:
            known = self.grammar.cache[spot] = _allowed(self.grammar, spot)
        return known

    def _bare(self) -> bool:
        """Tell whether the string may not end here: an aromatic atom has two neighbours or more."""
        if self.at < 0 or not self.aromatic[self.at]:
            return False
        return len(self.near[self.at]) + sum(atom == self.at for atom, _ in self.rings.values()) < 2

    def _closable(self) -> tuple[int, ...]:
        """Return ring tokens that may close here: the ring has three atoms or more, and both ends take the bond."""
        if self.at < 0 or not self.rings:
            return ()
        here = self.room[self.at] - (1 if len(self.rings) > 1 and not self.branches else 0)
        said = self.order if self.kind == "bond" else 0
        return tuple(
            sorted(
                token
                for token, (atom, order) in self.rings.items()
                if atom != self.at
                and atom not in self.near[self.at]
                and (order == said or not order or not said)
                and here >= self._takes(self.at, max(order, said))
                and self.room[atom] + self._takes(atom, order) >= self._takes(atom, max(order, said))
            )
        )

    def _openable(self) -> tuple[int, ...]:
        """Return the first ring tokens that are free: which one stands there means nothing, and rings get their numbers in turn."""
        return tuple([token for token in self.grammar.closures if token not in self.rings][:OPENINGS])


def _allowed(grammar: SmilesGrammar, spot: _Spot) -> np.ndarray:
    """Return what may follow.

    Nothing leads into a dead end: outside branches, while rings are open, an atom has a bond left to go on with; behind a
    branch the chain goes on, as canonical SMILES has it.
    """
    if spot.kind in ("start", "dot"):
        return grammar.takes[0]
    if spot.kind == "lead":
        return grammar.takes[spot.order]
    if spot.kind == "open":  # the chain behind the branch needs a bond too
        within: np.ndarray = grammar.takes[1] | grammar.bonds[2 if spot.aromatic else spot.free - 1]
        return within
    atoms = grammar.leads if spot.rings and not spot.branches else grammar.takes
    needed = 1 if spot.aromatic else spot.order
    if spot.kind == "bond":
        found = atoms[spot.order].copy()
    else:
        found = grammar.of_kind["none"].copy()
        if spot.free > 0:
            found |= atoms[1] | grammar.bonds[2 if spot.aromatic else spot.free]
    found[list(spot.closing)] = True
    if spot.free > needed or (spot.branches and spot.free == needed):
        found[list(spot.opening)] = True
    if spot.kind == "bond":
        return found
    if spot.free > 1 and not spot.tight:
        found |= grammar.of_kind["open"]
    if spot.kind != "close" and not spot.bare:
        found |= _ends(grammar, spot)
    return _hurried(grammar, spot, found) if spot.tight else found


def _ends(grammar: SmilesGrammar, spot: _Spot) -> np.ndarray:
    """Return what ends a branch, a part, or the string."""
    if spot.branches:
        return grammar.of_kind["close"]
    if spot.rings:
        return grammar.of_kind["none"]
    return grammar.eos if spot.tight else grammar.eos | grammar.of_kind["dot"]


def _hurried(grammar: SmilesGrammar, spot: _Spot, found: np.ndarray) -> np.ndarray:
    """Return what brings the string to its end where there is hardly room: closing before anything else."""
    closing = grammar.of_kind["none"].copy()
    closing[list(spot.closing)] = True
    if spot.kind != "close" and not spot.bare:
        closing |= _ends(grammar, spot)
    return closing if closing.any() else found
