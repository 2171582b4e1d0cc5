"""What each atom does for a prediction: how the prediction changes when the atom is taken away.

Descriptors belong to no atom, and hold most of what a network reads of a molecule; the molecule without an atom is described anew, so
that they have their say (similarity maps: Riniker, Landrum 2013, doi:10.1186/1758-2946-5-43).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rdkit import Chem, rdBase

from scitrain.chem.molecule_features import FINGERPRINTS, described
from scitrain.explaining.atoms import standard_mol

__all__ = ["MOST_ATOMS", "without_each"]

MOST_ATOMS = 150
"""Heavy atoms up to which each is taken away: every one costs a description."""


def without_each(
    texts: Sequence[str], options: Mapping[str, Any], said: Callable[[np.ndarray], np.ndarray]
) -> tuple[Chem.Mol, np.ndarray] | None:
    """Return the molecule, several columns side by side, and f(molecule) − f(molecule without the atom) of each atom (n_atoms,).

    None where it has more than `MOST_ATOMS` atoms. An atom without which there is no molecule gets 0.

    Args:
        texts: SMILES of each column.
        options: Of the featuriser of vectors.
        said: Predictions (n,) of rows (n, width).
    """
    mols = [standard_mol([text])[0] for text in texts]
    whole = mols[0]
    for mol in mols[1:]:
        whole = Chem.CombineMols(whole, mol)
    if whole.GetNumAtoms() > MOST_ATOMS:
        return None
    rows, kept, at = [_described(mols, options)], [], 0
    quiet = rdBase.BlockLogs()
    for column, mol in enumerate(mols):
        for atom in range(mol.GetNumAtoms()):
            less = _without(mol, atom)
            if less is not None:
                rows.append(_described([*mols[:column], less, *mols[column + 1 :]], options))
                kept.append(at)
            at += 1
    del quiet
    values = said(np.stack(rows).astype(np.float32))
    effect = np.zeros(at)
    effect[kept] = values[0] - values[1:]
    return whole, effect


def _without(mol: Chem.Mol, atom: int) -> Chem.Mol | None:
    """Return a molecule without an atom, hydrogens in its place; None where nothing, or no molecule, is left."""
    if mol.GetNumAtoms() == 1:
        return None
    made = Chem.RWMol(mol)
    Chem.Kekulize(made, clearAromaticFlags=True)
    for neighbour in made.GetAtomWithIdx(atom).GetNeighbors():
        neighbour.SetNoImplicit(False)
    made.RemoveAtom(atom)
    failed = Chem.SanitizeMol(made, catchErrors=True)
    return None if failed else made.GetMol()


def _described(mols: Sequence[Chem.Mol], options: Mapping[str, Any]) -> np.ndarray:
    """Return the row of the vector; as the featuriser makes it, but of molecules as they are."""
    generators = [make(options["radius"], options["bits"]) for make in FINGERPRINTS.values()]
    counts = [np.log1p(made.GetCountFingerprintAsNumPy(mol)) for made in generators for mol in mols]
    return np.concatenate([*map(described, mols), *counts])
