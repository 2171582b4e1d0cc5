"""Attributions of counted fragments and of SMILES tokens, brought back to the atoms they were made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from scitrain.chem.molecule_features import FINGERPRINTS, blocks, standardise_one, tokenise

__all__ = ["OnAtoms", "fragments", "from_counts", "from_pieces", "from_tokens", "standard_mol"]


@dataclass(frozen=True)
class OnAtoms:
    """Attributions of one molecule."""

    mol: Chem.Mol
    """In standard form, its atoms in the order of its canonical SMILES; several columns side by side."""
    atoms: np.ndarray
    """(n_atoms,)"""
    apart: dict[str, float]
    """What belongs to no atom, by name."""


def standard_mol(texts: Sequence[str]) -> tuple[Chem.Mol, str]:
    """Return the molecule that the model sees, and its canonical SMILES; several columns are joined by a dot."""
    smiles = ".".join(standardise_one(text).smiles or text for text in texts)
    return Chem.MolFromSmiles(smiles), smiles


def from_counts(texts: Sequence[str], values: np.ndarray, options: Mapping[str, Any]) -> OnAtoms:
    """Share the attribution of each count among its fragments, and that of a fragment among its atoms, in equal parts.

    Args:
        texts: SMILES of each column.
        values: (width,) attributions of the vector.
        options: Of the featuriser.
    """
    mols = [standard_mol([text])[0] for text in texts]
    shares = [np.zeros(mol.GetNumAtoms()) for mol in mols]
    absent = 0.0
    where = blocks(options)
    for kind in FINGERPRINTS:
        start, bits = where[f"{kind}_counts"][0], options["bits"]
        for at, mol in enumerate(mols):
            own = values[start + at * bits : start + (at + 1) * bits].astype(float)
            for bit, places in fragments(mol, kind, options):
                for fragment in places:
                    shares[at][fragment] += own[bit] / (len(places) * len(fragment))
                own[bit] = 0.0
            absent += float(own.sum())
    whole = mols[0]
    for mol in mols[1:]:
        whole = Chem.CombineMols(whole, mol)
    return OnAtoms(whole, np.concatenate(shares), {"fragments it lacks": absent} if absent else {})


def fragments(mol: Chem.Mol, kind: str, options: Mapping[str, Any]) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield each count that is not zero with the atoms of every fragment it counts."""
    output = rdFingerprintGenerator.AdditionalOutput()
    output.AllocateBitInfoMap()
    output.AllocateBitPaths()
    FINGERPRINTS[kind](options["radius"], options["bits"]).GetCountFingerprint(mol, additionalOutput=output)
    if kind == "torsion":  # the one generator that tells whole paths
        yield from ((bit, [list(path) for path in paths]) for bit, paths in output.GetBitPaths().items())
    elif kind == "pair":
        yield from ((bit, [list(pair) for pair in pairs]) for bit, pairs in output.GetBitInfoMap().items())
    else:
        for bit, found in output.GetBitInfoMap().items():
            yield bit, [_environment(mol, atom, radius) for atom, radius in found]


def _environment(mol: Chem.Mol, atom: int, radius: int) -> list[int]:
    bonds = [mol.GetBondWithIdx(i) for i in Chem.FindAtomEnvironmentOfRadiusN(mol, radius, atom)] if radius else []
    return sorted({atom, *(end for bond in bonds for end in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))})


def from_tokens(texts: Sequence[str], values: np.ndarray) -> OnAtoms:
    """Give each atom the attribution of its token; bonds, branches and rings stay apart, added up by symbol."""
    mol, smiles = standard_mol(texts)
    atoms: list[float] = []
    apart: dict[str, float] = {}
    for token, value in zip(tokenise(smiles), values, strict=False):  # the values go on over the padding
        if token[0].isalpha() or token[0] == "[":
            atoms.append(float(value))
        else:
            apart[token] = apart.get(token, 0.0) + float(value)
    return OnAtoms(mol, np.array(atoms), apart)


def from_pieces(texts: Sequence[str], values: np.ndarray, pieces: Mapping[int, tuple[int, int]]) -> OnAtoms:
    """Share the attribution of each piece among the atoms it touches, in equal parts; pieces without atoms stay apart.

    Args:
        texts: SMILES of each column.
        values: (length,) attributions of the tokens.
        pieces: Where each token lies in the standard SMILES, from and to, by its place.
    """
    mol, smiles = standard_mol(texts)
    tokens = tokenise(smiles)
    ends = np.cumsum([len(token) for token in tokens])
    atoms = [i for i, token in enumerate(tokens) if token[0].isalpha() or token[0] == "["]
    share, apart = np.zeros(len(atoms)), dict[str, float]()
    for at, (start, end) in pieces.items():
        touched = [k for k, i in enumerate(atoms) if ends[i] - len(tokens[i]) < end and start < ends[i]]
        if touched:
            share[touched] += float(values[at]) / len(touched)
        else:
            apart[smiles[start:end]] = apart.get(smiles[start:end], 0.0) + float(values[at])
    return OnAtoms(mol, share, apart)
