"""What a molecule is judged by before anybody makes it: properties, drug-likeness, ease of synthesis, structural alerts."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, DataStructs, RDConfig, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from scitrain.chem.calculated import CALCULATED, UNITS
from scitrain.chem.parallel import parallel_map
from scitrain.errors import DataError

__all__ = ["PROPERTIES", "Criteria", "criteria", "fingerprints", "mean_similarities", "synthetic_accessibility"]

PROPERTIES = {
    "logp": ("", "octanol–water partition by atoms, Wildman and Crippen 1999, doi:10.1021/ci990307l"),
    "mol_weight": (UNITS["mol_weight"], "average molecular weight"),
    "tpsa": (UNITS["tpsa"], "topological polar surface area, Ertl et al. 2000, doi:10.1021/jm000942e"),
    "qed": ("", "quantitative estimate of drug-likeness, 0…1, Bickerton et al. 2012, doi:10.1038/nchem.1243"),
    "sa": ("", "synthetic accessibility, 1 (easy) … 10, Ertl and Schuffenhauer 2009, doi:10.1186/1758-2946-1-8"),
    "h_donors": ("", "hydrogen-bond donors"),
    "h_acceptors": ("", "hydrogen-bond acceptors"),
    "rotatable_bonds": ("", "rotatable bonds"),
    "rings": ("", "rings of the smallest set"),
    "heavy_atoms": ("", "atoms other than hydrogen"),
}
"""Numbers of a molecule: unit, and definition with its source; they are the first fields of `Criteria`."""


@dataclass(frozen=True)
class Criteria:
    """All that is computed of one molecule."""

    logp: float
    mol_weight: float
    tpsa: float
    qed: float
    sa: float
    h_donors: float
    h_acceptors: float
    rotatable_bonds: float
    rings: float
    heavy_atoms: float
    pains: str
    """Alerts of PAINS (Baell and Holloway 2010, doi:10.1021/jm901137j), parted by ``; ``; empty where there are none."""
    brenk: str
    """Alerts of Brenk et al. 2008, doi:10.1002/cmdc.200700139."""
    scaffold: str
    """Bemis–Murcko scaffold, empty for an acyclic molecule."""

    def numbers(self) -> tuple[float, ...]:
        """Return the values in the order of `PROPERTIES`."""
        found: tuple[float, ...] = astuple(self)[: len(PROPERTIES)]
        return found


def criteria(smiles: Sequence[str], tick: Callable[[int, int], None] | None = None) -> list[Criteria]:
    """Judge canonical SMILES, in parallel processes where there are many (about 5 ms each, half of it PAINS' 480 patterns)."""
    return parallel_map(_criteria, smiles, tick)


def _criteria(smiles: str) -> Criteria:
    quiet = rdBase.BlockLogs()
    mol = Chem.MolFromSmiles(smiles)
    numbers: dict[str, Any] = {name: float(CALCULATED[name](mol)) for name in PROPERTIES if name in CALCULATED}
    found = Criteria(
        **numbers,
        sa=synthetic_accessibility(mol),
        pains=_alerts("PAINS", mol),
        brenk=_alerts("BRENK", mol),
        scaffold=Chem.MolToSmiles(Chem.MurckoDecompose(mol), isomericSmiles=False),
    )
    del quiet
    return found


@cache
def _catalogue(name: str) -> FilterCatalog:
    parameters = FilterCatalogParams()
    parameters.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(parameters)


def _alerts(name: str, mol: Chem.Mol) -> str:
    return "; ".join(sorted({match.GetDescription() for match in _catalogue(name).GetMatches(mol)}))


def synthetic_accessibility(mol: Chem.Mol) -> float:
    """Return the score 1 (easy) … 10 of RDKit's Contrib/SA_Score; a molecule of hydrogen alone is easy."""
    return float(_scorer()(mol)) if mol.GetNumHeavyAtoms() else 1.0


@cache
def _scorer() -> Callable[[Chem.Mol], float]:
    """Load the scorer from the folder that ships with RDKit: it is no package.

    Raises:
        DataError: This build of RDKit leaves Contrib out.
    """
    path = Path(RDConfig.RDContribDir, "SA_Score", "sascorer.py")
    spec = importlib.util.spec_from_file_location("scitrain_sascorer", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise DataError(
            "the installed rdkit has no Contrib/SA_Score, which scores synthetic accessibility; install rdkit from PyPI"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    score: Callable[[Chem.Mol], float] = module.calculateScore
    return score


def fingerprints(smiles: Sequence[str]) -> list[DataStructs.ExplicitBitVect]:
    """Return Morgan fingerprints of canonical SMILES, radius 2, 2,048 bits."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]


def mean_similarities(smiles: Sequence[str]) -> np.ndarray:
    """Return for each of n ≥ 2 molecules the mean Tanimoto similarity to all others, (n,)."""
    prints = fingerprints(smiles)
    sums = [sum(DataStructs.BulkTanimotoSimilarity(one, prints)) - 1.0 for one in prints]
    return np.array(sums) / (len(prints) - 1)
