"""Molecules given as SMILES: standard form, scaffold, other spellings, nearest neighbours."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from scitrain.chem.molecule_features import MAX_ATOMS, MAX_CHARACTERS, MISSPELLED, Standardised, standardise_one
from scitrain.chem.parallel import parallel_map
from scitrain.chem.smiles_spelling import mistake
from scitrain.errors import DataError

__all__ = [
    "Standardised",
    "check",
    "forms",
    "nearest_similarity",
    "random_spellings",
    "scaffold",
    "scaffolds",
    "standardise",
]

Tick = Callable[[int, int], None]
MAX_CHARGE = 15
"""Of an atom, as the OpenSMILES specification has it."""
CHARGE = re.compile(r"\[\d*(?P<symbol>[A-Za-z][a-z]?)[^\]\[]*?[+-](?P<size>\d{2,9})(?::\d+)?\]")


def standardise(smiles: Sequence[str], tick: Tick | None = None) -> list[Standardised]:
    """Bring SMILES to standard form, in parallel processes where there are many; order is kept."""
    return parallel_map(_standardise, smiles, tick)


def _standardise(text: str) -> Standardised:
    """Standardise one SMILES and, where it is misspelled, say where."""
    if wrong := _overcharged(text):
        return Standardised(None, wrong, None)
    found = standardise_one(text)
    if found.error is None or not found.error.endswith(MISSPELLED):
        return found
    where = mistake(text.strip()) or "its symbols stand in an order that means nothing"
    return Standardised(None, f"{found.error}: {where}", None)


def _overcharged(text: str) -> str | None:
    """Name a charge that RDKit would keep as another number, in eight bits."""
    found = CHARGE.search(text[:MAX_CHARACTERS])
    if found is None or int(found["size"]) <= MAX_CHARGE:
        return None
    hint = f"; an isotope stands in front of its element, as in [{found['size']}{found['symbol']}]"
    return f"{found[0]} has a charge of {found['size']}, and at most {MAX_CHARGE} is read{hint}"


def check(smiles: str) -> None:
    """Refuse what RDKit cannot read as one molecule; an open end ``*`` is no mistake here.

    Raises:
        DataError: Says where the mistake is.
    """
    _any(smiles)


def forms(smiles: str) -> dict[str, str]:
    """Return a molecule in other forms: ``canonical`` SMILES, ``standard`` where models read it otherwise, ``formula``, ``inchikey``.

    Raises:
        DataError: It is no SMILES; says where the mistake is.
    """
    mol, standard = _any(smiles), _standardise(smiles)
    found = {"canonical": Chem.MolToSmiles(mol)}
    if standard.smiles != found["canonical"]:
        found["standard"] = standard.smiles or f"none: {standard.error}"
    found["formula"] = rdMolDescriptors.CalcMolFormula(mol)
    quiet = rdBase.BlockLogs()
    found["inchikey"] = Chem.MolToInchiKey(mol) or "none: InChI cannot describe it"  # type: ignore[no-untyped-call]
    del quiet
    return found


def _any(smiles: str) -> Chem.Mol:
    """Parse whatever RDKit reads as one molecule of a size that is described.

    Raises:
        DataError: It is none.
    """
    text = smiles.strip()
    if wrong := _overcharged(text):
        raise DataError(wrong)
    whole = 0 < len(text) <= MAX_CHARACTERS and all("!" <= one <= "~" for one in text)
    quiet = rdBase.BlockLogs()
    mol = Chem.MolFromSmiles(text) if whole else None
    del quiet
    if mol is None or mol.GetNumHeavyAtoms() > MAX_ATOMS:
        raise DataError(_standardise(smiles).error or f"{text[:60]!r} is not a valid SMILES")
    return mol


def _mol(smiles: str) -> Chem.Mol:
    """Parse canonical SMILES.

    Raises:
        DataError: It is none.
    """
    quiet = rdBase.BlockLogs()
    mol = Chem.MolFromSmiles(smiles) if smiles else None
    del quiet
    if mol is None:
        raise DataError(f"{smiles[:60]!r} is not a valid SMILES; expected one from `standardise`")
    return mol


def scaffold(smiles: str) -> str:
    """Return the Bemis–Murcko scaffold: rings and what links them, without stereo; empty for an acyclic molecule.

    Source: Bemis and Murcko, J. Med. Chem. 39, 2887 (1996), doi:10.1021/jm9602928.

    Raises:
        DataError: ``smiles`` cannot be read.
    """
    return Chem.MolToSmiles(Chem.MurckoDecompose(_mol(smiles)), isomericSmiles=False)


def scaffolds(smiles: Sequence[str], tick: Tick | None = None) -> list[str]:
    """Return the scaffold of each molecule, in parallel processes where there are many."""
    return parallel_map(scaffold, smiles, tick)


def random_spellings(smiles: str, times: int, seed: int) -> list[str]:
    """Return ``times`` SMILES of the same molecule with random atom orders, the same for the same seed.

    Source: Bjerrum, arXiv:1703.07076 (2017).

    Raises:
        DataError: ``smiles`` cannot be read.
    """
    return list(Chem.MolToRandomSmilesVect(_mol(smiles), times, randomSeed=seed % 2**31))


def nearest_similarity(query: Sequence[str], reference: Sequence[str], tick: Tick | None = None) -> np.ndarray:
    """Return for each query the Tanimoto similarity to its nearest reference, float32 (n_query,) in 0…1.

    Compared are Morgan fingerprints (radius 2, 2,048 bits). 1 means equal to these fingerprints; NaN where there is no
    reference. The cost is about 0.1 µs a pair.

    Raises:
        DataError: A SMILES cannot be read.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    known = [generator.GetFingerprint(_mol(smiles)) for smiles in dict.fromkeys(reference)]
    best = np.full(len(query), np.nan, dtype=np.float32)
    for i, smiles in enumerate(query if known else ()):
        best[i] = max(DataStructs.BulkTanimotoSimilarity(generator.GetFingerprint(_mol(smiles)), known))
        if tick:
            tick(i + 1, len(query))
    return best
