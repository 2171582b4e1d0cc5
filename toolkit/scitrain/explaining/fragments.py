"""Names for folded counts of fragments: what a molecule that has one shows there."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rdkit import Chem

from scitrain.chem.molecule_features import FINGERPRINTS
from scitrain.explaining.atoms import fragments, standard_mol

__all__ = ["with_examples"]

_COUNT = re.compile(rf"(?:(?P<column>.+):)?(?P<kind>{'|'.join(FINGERPRINTS)})_(?P<bit>\d+)")


def with_examples(names: Sequence[str], columns: Mapping[str, Sequence[str]], options: Mapping[str, Any]) -> list[str]:
    """Return the names, each of a folded count with a fragment that it counts, such as ``pair_312: C…N, 3 bonds apart``.

    Several kinds of fragments may share a count; the first that is met in ``columns``, texts of molecules by column, is told.
    """
    found: dict[str, str] = {}
    wanted = {name: match for name in names if (match := _COUNT.fullmatch(name))}
    for column in options["columns"]:
        own = {(m["kind"], int(m["bit"])): name for name, m in wanted.items() if m["column"] in (None, column)}
        for text in columns[column] if own else ():
            mol = standard_mol([text])[0]
            for kind in {kind for kind, _ in own}:
                for bit, places in fragments(mol, kind, options):
                    if (name := own.get((kind, bit))) and name not in found:
                        found[name] = f"{name}: {_drawn(mol, kind, places[0])}"
            if len(found) == len(wanted):
                break
    return [found.get(name, name) for name in names]


def _drawn(mol: Chem.Mol, kind: str, atoms: Sequence[int]) -> str:
    """Return a fragment as a person reads it."""
    if kind == "pair":
        first, last = (mol.GetAtomWithIdx(atom).GetSymbol() for atom in (atoms[0], atoms[-1]))
        apart = int(Chem.GetDistanceMatrix(mol)[atoms[0], atoms[-1]])
        return f"{first}…{last}, {apart} bond{'s' * (apart != 1)} apart"
    return str(Chem.MolFragmentToSmiles(mol, atomsToUse=list(atoms)))
