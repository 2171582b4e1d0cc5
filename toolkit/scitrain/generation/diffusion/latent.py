"""Molecules as vectors of descriptors and fragments, which a language model of SELFIES reads as its conditions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from scitrain.chem.calculated import CALCULATED, calculate
from scitrain.chem.parallel import parallel_map

__all__ = ["LatentSpace"]

BITS = 512
COMPONENTS = 23
DESCRIPTORS = tuple(CALCULATED)
FIT_ROWS = 20_000


@dataclass(frozen=True)
class LatentSpace:
    """z = standardised (descriptors ⊕ principal components of ln(1 + counts of Morgan fragments, radius 2, folded to 512))."""

    centre: np.ndarray
    """float32 (bits,)"""
    axes: np.ndarray
    """float32 (bits, components)"""
    mean: np.ndarray
    """float32 (dimensions,)"""
    scale: np.ndarray

    @classmethod
    def of(cls, smiles: Sequence[str], seed: int) -> "LatentSpace":
        """Learn axes and scales; the signs of the axes make their largest part positive."""
        chosen = np.random.default_rng(seed).permutation(len(smiles))[:FIT_ROWS]
        some = [smiles[i] for i in np.sort(chosen)]
        counts = _counts(some)
        centre = counts.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov((counts - centre).T.astype(np.float64)))
        axes = axes[:, ::-1][:, :COMPONENTS]
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        raw = np.concatenate([calculate(some, DESCRIPTORS), (counts - centre) @ axes], axis=1)
        scale = raw.std(axis=0)
        return cls(*(a.astype(np.float32) for a in (centre, axes, raw.mean(axis=0), np.where(scale > 0, scale, 1.0))))

    def vectors(self, smiles: Sequence[str]) -> np.ndarray:
        """Return float32 (n, dimensions) of valid SMILES."""
        raw = np.concatenate([calculate(smiles, DESCRIPTORS), (_counts(smiles) - self.centre) @ self.axes], axis=1)
        found: np.ndarray = ((raw - self.mean) / self.scale).astype(np.float32)
        return found


def _counts(smiles: Sequence[str]) -> np.ndarray:
    return np.log1p(np.stack(parallel_map(_fragments, smiles)).astype(np.float32))


def _fragments(smiles: str) -> np.ndarray:
    """Return counts (bits,) as bytes."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    counts = generator.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(smiles))
    found: np.ndarray = np.minimum(counts, 255).astype(np.uint8)
    return found
