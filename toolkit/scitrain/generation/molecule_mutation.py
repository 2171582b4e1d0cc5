"""Molecules made from known ones by small changes of their SELFIES, so that every child is a molecule.

Tokens are exchanged, put in and taken out, and two parents exchange their ends: STONED (Nigam et al. 2021, doi:10.1039/D1SC00231G), whose
idea is that SELFIES (Krenn et al. 2020, doi:10.1088/2632-2153/aba947) make such changes safe.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import selfies
from rdkit import Chem, rdBase

__all__ = ["MoleculeMutation"]

ALPHABET_FROM = 2_000
"""Known molecules whose tokens are used."""
RARE = 3
"""Tokens of fewer molecules are left out: they are mostly odd charges and isotopes."""
CROSSED = 0.3
TWICE = 0.5
"""Chance that a child is changed once more."""


class MoleculeMutation:
    """Children of known molecules."""

    def __init__(self, parents: Sequence[str], known: Sequence[str]) -> None:
        """Start from canonical SMILES.

        Args:
            parents: At least one.
            known: Whose tokens may be put in.
        """
        self.parents = list(parents)
        tokens = [_tokens(smiles) for smiles in known[:ALPHABET_FROM]]
        counted = Counter(token for row in tokens for token in set(row))
        common = [token for token, count in counted.items() if count >= RARE]
        self.alphabet = sorted(common) or sorted(counted) or ["[C]"]
        weights = np.array([np.sqrt(counted[token] or 1) for token in self.alphabet])
        self.weights = weights / weights.sum()

    def sample(self, n: int, conditions: Mapping[str, float], seed: int) -> list[str]:
        """Return SMILES; ``conditions`` are met by `tune` alone."""
        rng = np.random.default_rng(seed)
        quiet = rdBase.BlockLogs()
        children = [self._child(rng) for _ in range(n)]
        del quiet
        return children

    def tune(self, best: Sequence[str]) -> None:
        """Take other parents."""
        self.parents = list(best) or self.parents

    def _child(self, rng: np.random.Generator) -> str:
        tokens = self._spelt(rng)
        if rng.random() < CROSSED:
            other = self._spelt(rng)
            head, tail = int(rng.integers(len(tokens) + 1)), int(rng.integers(len(other) + 1))
            tokens = tokens[:head] + other[tail:] or tokens
        else:
            tokens = self._changed(tokens, rng)
            while rng.random() < TWICE:
                tokens = self._changed(tokens, rng)
        return str(selfies.decoder("".join(tokens)))

    def _spelt(self, rng: np.random.Generator) -> list[str]:
        """Return a parent's tokens in a random order of its atoms: so each part can be changed, and cut off."""
        smiles = self.parents[int(rng.integers(len(self.parents)))]
        mol = Chem.MolFromSmiles(smiles)
        return _tokens(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=int(rng.integers(2**31)))[0]) or _tokens(smiles)

    def _changed(self, tokens: list[str], rng: np.random.Generator) -> list[str]:
        at = int(rng.integers(len(tokens)))
        new = self.alphabet[int(rng.choice(len(self.alphabet), p=self.weights))]
        way = int(rng.integers(3))
        if way == 0 and len(tokens) > 1:
            return tokens[:at] + tokens[at + 1 :]
        return [*tokens[:at], new, *tokens[at + (way == 1) :]]


def _tokens(smiles: str) -> list[str]:
    """Return SELFIES tokens; those of methane where the molecule has no SELFIES."""
    try:
        return list(selfies.split_selfies(selfies.encoder(smiles))) or ["[C]"]
    except selfies.EncoderError:
        return ["[C]"]
