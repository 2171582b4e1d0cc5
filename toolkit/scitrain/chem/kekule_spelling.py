"""SMILES without aromatic atoms: rings with double bonds where Kekulé would draw them, all else as it was written.

In this spelling valences alone tell whether a string is a molecule; whether aromatic rings can be written with double bonds,
which no token alone tells, has no place in it. RDKit reads both spellings as the same molecule.
"""

import re
from collections.abc import Iterator
from itertools import islice, product

from rdkit import Chem, rdBase

__all__ = ["kekulised", "kekulised_beginning"]

TOKEN = re.compile(r"\[[^\[\]]*\]|Br|Cl|%\d{2}|%\(\d+\)|->|<-|.")
AROMATIC = re.compile(r"\[\d*(?:[bcnops]|se|te|as|si)(?![a-z])|^[bcnops]$")
RING = re.compile(r"\d|%.+")
FILLS = ("", *(kind * count for count in range(1, 5) for kind in "cC"))
"""What may be missing of a ring that an aromatic atom opened; of others two atoms make a ring of any."""
TAILS = ("", "C", "%98ccccc%98", "%98cccc%98")
"""What may follow the last atom, which may want another beside it, or be the first of a ring."""
TRIED = 2000
"""Ways to close a beginning, each of which takes some 50 µs."""


def kekulised(text: str) -> str | None:
    """Return the same atoms in the same order with double bonds instead of aromatic ones; None of what is no molecule."""
    tokens = TOKEN.findall(text)
    if not any(map(_is_aromatic, tokens)):
        return text
    mol = _kekule(text)
    return None if mol is None else _written(tokens, mol)


def kekulised_beginning(text: str) -> str | None:
    """Return the beginning of a SMILES, whose rings and branches may be open, in this spelling.

    What is open is closed with carbon for the time of looking; None where no such way makes a molecule of it.
    """
    tokens = TOKEN.findall(text)
    if not any(map(_is_aromatic, tokens)):
        return text
    found = (mol for whole in islice(_completions(tokens), TRIED) if (mol := _kekule(whole)) is not None)
    mol = next(found, None)
    return None if mol is None else _written(tokens, mol)


def _is_aromatic(token: str) -> bool:
    return AROMATIC.match(token) is not None


def _is_atom(token: str) -> bool:
    return token[0] == "[" or token[0].isalpha() or token == "*"


def _kekule(text: str) -> Chem.Mol | None:
    """Return a molecule with double bonds whose atoms stand as in the text; hydrogens in brackets stay atoms."""
    quiet = rdBase.BlockLogs()
    try:
        mol = Chem.MolFromSmiles(text, sanitize=False)
        if mol is not None:
            Chem.SanitizeMol(mol, Chem.SANITIZE_ALL ^ Chem.SANITIZE_SETAROMATICITY)
    except (Chem.MolSanitizeException, ValueError):
        return None
    finally:
        del quiet
    return mol


def _written(tokens: list[str], mol: Chem.Mol) -> str:
    """Return tokens with the bonds of ``mol`` where both ends are aromatic, and as they are elsewhere."""
    found: list[str] = []
    walk = _Walk()
    for token in tokens:
        if _is_atom(token):
            pair = walk.atom(_is_aromatic(token))
            found += [walk.bond(pair, mol), _plain(token)]
        elif RING.fullmatch(token):
            found += [walk.bond(walk.ring(token), mol), token]
        elif token in "().":
            walk.turn(token)
            found.append(token)
        else:
            walk.said = token
    return "".join(found) + walk.bond((-1, -1), mol)


class _Walk:
    """Which atoms the tokens of a SMILES bind."""

    def __init__(self) -> None:
        self.at, self.said = -1, ""
        self.aromatic: list[bool] = []
        self.branches: list[int] = []
        self.rings: dict[str, int] = {}

    def atom(self, aromatic: bool) -> tuple[int, int]:
        before, self.at = self.at, len(self.aromatic)
        self.aromatic.append(aromatic)
        return before, self.at

    def ring(self, token: str) -> tuple[int, int]:
        """Return the ends of a ring that closes, −1 in the place of the one to come where it opens."""
        if token in self.rings:
            return self.rings.pop(token), self.at
        self.rings[token] = self.at
        return self.at, -1

    def turn(self, token: str) -> None:
        if token == "(":
            self.branches.append(self.at)
        elif token == ")" and self.branches:
            self.at = self.branches.pop()
        elif token == ".":
            self.at = -1

    def bond(self, pair: tuple[int, int], mol: Chem.Mol) -> str:
        """Return the symbol in front of an atom or ring, and forget what was said of it."""
        said, self.said = self.said, ""
        one, other = pair
        if one < 0 or other < 0:  # where a ring opens, its end will say the bond
            return "" if said in "-:" else said
        if not (self.aromatic[one] and self.aromatic[other]):
            return said
        double = mol.GetBondBetweenAtoms(one, other).GetBondType() == Chem.BondType.DOUBLE
        return "=" if double else "" if said in "-:=" else said


def _plain(token: str) -> str:
    """Return an aromatic atom as others are written."""
    if not _is_aromatic(token):
        return token
    whole = re.sub("[a-z]", lambda letter: letter[0].upper(), token, count=1)
    return "N" if whole == "[NH]" else whole


def _completions(tokens: list[str]) -> Iterator[str]:
    """Yield ways to close what is open: each ring by some more atoms, aromatic or not, where its branch ends."""
    tokens = [*tokens]
    while tokens and not (_is_atom(tokens[-1]) or RING.fullmatch(tokens[-1]) or tokens[-1] == ")"):
        tokens.pop()
    levels = _open(tokens)
    fills = [FILLS if aromatic else ("CC",) for level in reversed(levels) for _, aromatic in reversed(level)]
    for chosen in product(*fills, TAILS):
        *parts, tail = chosen
        way = iter(parts)
        ends = ["".join(next(way) + ring for ring, _ in reversed(level)) for level in reversed(levels)]
        yield "".join(tokens) + tail + ")".join(ends)


def _open(tokens: list[str]) -> list[list[tuple[str, bool]]]:
    """Return the open rings of each open branch, the outermost first, and whether aromatic atoms opened them."""
    levels: list[list[tuple[str, bool]]] = [[]]
    aromatic = False
    for token in tokens:
        if token == "(":
            levels.append([])
        elif token == ")" and len(levels) > 1:
            closed = levels.pop()
            levels[-1] += closed
        elif RING.fullmatch(token):
            known = [(level, one) for level in levels for one in level if one[0] == token]
            if known:
                known[0][0].remove(known[0][1])
            else:
                levels[-1].append((token, aromatic))
        elif _is_atom(token):
            aromatic = _is_aromatic(token)
    return levels
