"""Properties of a molecule or composition that need no measurement, each in its unit."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import QED, rdMolDescriptors

from scitrain.chem.charge_balance import balance
from scitrain.chem.formulas import parse
from scitrain.chem.parallel import parallel_map
from scitrain.errors import UnknownNameError

__all__ = ["CALCULATED", "OF_COMPOSITIONS", "UNITS", "calculate", "calculate_for", "calculated_for"]

CALCULATED: dict[str, Callable[[Chem.Mol], float]] = {
    "logp": lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
    "mol_weight": rdMolDescriptors._CalcMolWt,
    "tpsa": rdMolDescriptors.CalcTPSA,
    "qed": QED.qed,
    "heavy_atoms": lambda mol: float(mol.GetNumHeavyAtoms()),
    "rings": rdMolDescriptors.CalcNumRings,
    "h_donors": rdMolDescriptors.CalcNumHBD,
    "h_acceptors": rdMolDescriptors.CalcNumHBA,
    "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
}
"""Crippen's logP (doi:10.1021/ci990307l), Ertl's polar surface (doi:10.1021/jm000942e), QED (doi:10.1038/nchem.1243), counts."""
OF_COMPOSITIONS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "balanced": lambda amounts: float(balance(amounts).balanced),
    "elements": lambda amounts: float(len(amounts)),
}
"""Charge neutral with every cation below every anion in electronegativity (1, else 0: smact's test, alloys off); different elements."""
UNITS = {"mol_weight": "g/mol", "tpsa": "Å²"}


class _One:
    """Calculates some properties of one SMILES; an object of a module, so that other processes can do it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    __module__ = __name__

    def __call__(self, smiles: str) -> list[float]:
        quiet = rdBase.BlockLogs()
        mol = Chem.MolFromSmiles(smiles) if smiles else None
        del quiet
        if mol is None:
            return [float("nan")] * len(self.names)
        return [float(CALCULATED[name](mol)) for name in self.names]


def calculate(smiles: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Return float64 (n, properties), NaN where a SMILES is no molecule.

    Raises:
        UnknownNameError: There is no such property.
    """
    for name in names:
        if name not in CALCULATED:
            raise UnknownNameError("calculated property", name, list(CALCULATED))
    if not names:
        return np.zeros((len(smiles), 0))
    return np.array(parallel_map(_One(names), smiles), dtype=np.float64).reshape(len(smiles), len(names))


def calculated_for(kind: str) -> tuple[str, ...]:
    """Return what can be calculated of `smiles` or `formula` strings."""
    return tuple(CALCULATED if kind == "smiles" else OF_COMPOSITIONS)


def calculate_for(kind: str, texts: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Return float64 (n, properties) of valid SMILES or formulas.

    Raises:
        UnknownNameError: There is no such property.
    """
    if kind == "smiles":
        return calculate(texts, names)
    for name in names:
        if name not in OF_COMPOSITIONS:
            raise UnknownNameError("calculated property", name, list(OF_COMPOSITIONS))
    parsed = [parse(text) for text in texts]
    rows = [[OF_COMPOSITIONS[name](amounts) for name in names] for amounts in parsed]
    return np.array(rows, dtype=np.float64).reshape(len(texts), len(names))
