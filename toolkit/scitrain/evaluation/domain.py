"""Is a row like those the model was trained on: distance in the space of representations.

Each column is standardised on training rows and clipped, the space turned to its main axes (PCA), and a row's distance
is the mean Euclidean distance to its nearest training rows ("anchors"). What the axes leave out is kept as one more
coordinate, its length: a row that differs where the training rows hardly vary is far away, not unseen.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import svds

from scitrain.errors import DataError
from scitrain.evaluation.metrics import Array

__all__ = ["FARTHEST", "Domain", "Standardiser", "fit_domain"]

ANCHORS = 2_000
"""Training rows kept; of more a random sample, whose larger distances the threshold, learned with it, makes up for."""
FITTED = 5_000
"""Training rows from which scale and axes are learned."""
AXES = 64
FARTHEST = 6.0
"""Standard deviations beyond which a value counts as that far: one absurd descriptor must not be the whole distance."""
CELLS = 4_000_000


@dataclass(frozen=True)
class Standardiser:
    """(x − mean) / scale, clipped to ± `FARTHEST`; a missing or infinite value becomes the mean, 0."""

    mean: Array
    """(width,)"""
    scale: Array
    """(width,); 1 for a column that does not vary."""

    @classmethod
    def fit(cls, x: np.ndarray) -> "Standardiser":
        """Learn mean and standard deviation of each column of (n, width) from its finite values."""
        values = np.asarray(x, dtype=float)
        finite = np.isfinite(values)
        n = np.maximum(finite.sum(axis=0), 1)
        mean = np.where(finite, values, 0.0).sum(axis=0) / n
        scale = np.sqrt((np.where(finite, values - mean, 0.0) ** 2).sum(axis=0) / n)
        flat = scale <= 1e-9 * np.maximum(np.abs(mean), 1e-9)
        return cls(mean, np.where(flat, 1.0, scale))

    def apply(self, x: np.ndarray) -> Array:
        """Standardise (n, width)."""
        values = (np.asarray(x, dtype=float) - self.mean) / self.scale
        return np.clip(np.where(np.isfinite(values), values, 0.0), -FARTHEST, FARTHEST)


@dataclass(frozen=True)
class Domain:
    """Anchors, axes and threshold; applies with numpy alone."""

    mean: Array
    """(width,)"""
    scale: Array
    """(width,)"""
    axes: Array
    """(n_axes, width), orthonormal rows."""
    anchors: Array
    """(n_anchors, n_axes + 1)"""
    threshold: float
    """Largest distance that counts as inside."""
    neighbours: int
    """Anchors over which the distance is averaged."""
    share: float
    """Share of the validation rows inside, by which the threshold was learned."""

    def distance(self, x: np.ndarray) -> Array:
        """Return the mean distance (n,) to the nearest anchors, in standard deviations; works in constant memory."""
        chunk = max(1, CELLS // max(len(self.anchors), len(self.mean)))
        parts = [self._distance(np.asarray(x[i : i + chunk])) for i in range(0, len(x), chunk)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def place(self, x: np.ndarray) -> Array:
        """Return where rows (n, width) lie, (n, n_axes + 1): distances between these are in standard deviations."""
        return project(Standardiser(self.mean, self.scale).apply(x), self.axes)

    def inside(self, x: np.ndarray) -> npt.NDArray[np.bool_]:
        """Tell for each row (n, width) whether it lies inside the domain."""
        return self.distance(x) <= self.threshold

    def _distance(self, x: np.ndarray) -> Array:
        at = self.place(x)
        squares = (at**2).sum(axis=1)[:, None] - 2 * at @ self.anchors.T + (self.anchors**2).sum(axis=1)
        nearest = np.partition(np.maximum(squares, 0.0), self.neighbours - 1, axis=1)[:, : self.neighbours]
        return np.asarray(np.sqrt(nearest).mean(axis=1), dtype=float)

    def arrays(self) -> dict[str, npt.NDArray[np.float32] | Array]:
        """Return all of it as arrays, for ``numpy.savez``; the large ones in single precision."""
        large = {
            name: cast("Array", getattr(self, name)).astype(np.float32) for name in ("mean", "scale", "axes", "anchors")
        }
        return {**large, "settings": np.array([self.threshold, self.neighbours, self.share])}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Domain":
        """Rebuild what `arrays` returned."""
        threshold, neighbours, share = (float(v) for v in arrays["settings"])
        mean, scale, axes, anchors = (arrays[name].astype(float) for name in ("mean", "scale", "axes", "anchors"))
        return cls(mean, scale, axes, anchors, threshold, int(neighbours), share)


def project(x: Array, axes: Array) -> Array:
    """Return the coordinates on ``axes`` and the length of what they leave out, (n, n_axes + 1)."""
    on_axes = x @ axes.T
    rest = np.sqrt(np.maximum((x**2).sum(axis=1) - (on_axes**2).sum(axis=1), 0.0))
    return np.concatenate([on_axes, rest[:, None]], axis=1)


def fit_domain(train: np.ndarray, val: np.ndarray, share: float = 0.95, neighbours: int = 5, seed: int = 42) -> Domain:
    """Learn the domain of training representations, with the threshold that keeps ``share`` of validation inside.

    Args:
        train: (n, width); of more than `FITTED` rows a random sample is looked at.
        val: (m, width), rows the model was not fitted to.
        share: Share of validation rows that shall lie inside.
        neighbours: Anchors over which a distance is averaged; no more than there are rows.
        seed: Seed of the samples.

    Raises:
        DataError: There are no rows, or the widths differ.
    """
    if not len(train) or not len(val) or train.shape[1:] != val.shape[1:] or train.ndim != 2:
        raise DataError(
            f"the domain needs training and validation rows of one width, got {train.shape} and {val.shape}"
        )
    rng = np.random.default_rng(seed)
    # sorted, so that a memory-mapped array is read in order
    rows = np.sort(rng.choice(len(train), min(len(train), FITTED), replace=False))
    sample = np.asarray(train[rows])
    standard = Standardiser.fit(sample)
    axes = _axes(standard.apply(sample), seed)
    kept = sample[rng.choice(len(sample), min(len(sample), ANCHORS), replace=False)]
    anchors = project(standard.apply(kept), axes)
    draft = Domain(standard.mean, standard.scale, axes, anchors, np.inf, min(neighbours, len(anchors)), share)
    # through single precision and back: what is learned here is judged by exactly the arrays that are saved
    saved = Domain.from_arrays(dict(draft.arrays()))
    threshold = float(np.quantile(saved.distance(val), share, method="higher"))
    return Domain(saved.mean, saved.scale, saved.axes, saved.anchors, threshold, saved.neighbours, share)


def _axes(x: Array, seed: int) -> Array:
    """Return the orthonormal main axes of standardised rows, at most `AXES` of them."""
    wanted = min(AXES, x.shape[1], max(len(x) - 1, 1))
    if wanted == x.shape[1]:
        return np.eye(wanted)  # all axes: any rotation measures the same distances
    # standardised rows are centred, so that these are the principal axes
    _, _, found = svds(x, k=wanted, v0=np.random.default_rng(seed).normal(size=min(x.shape)))
    return np.asarray(found[::-1])
