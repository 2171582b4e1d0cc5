"""Points of many dimensions in two."""

from dataclasses import dataclass

import numpy as np

from scitrain.fewshot.prototypes import Array

__all__ = ["Flat", "flatten"]

ENOUGH = 0.4
"""Share of the variance from which two main axes show the points as they lie."""
FEWEST = 30
"""Points from which t-SNE has neighbourhoods to keep."""
NEIGHBOURS = 30.0


@dataclass(frozen=True)
class Flat:
    """Where the points lie in the plane, and how they came there."""

    at: Array
    """(n, 2)"""
    names: tuple[str, str]
    """Of the axes."""
    why: str


def flatten(points: Array, seed: int) -> Flat:
    """Return the points (n, width) in the plane: by PCA where two axes hold enough of the variance, else by t-SNE.

    t-SNE keeps neighbours together (van der Maaten 2008, jmlr.org/papers/v9/vandermaaten08a); its distances mean little.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    fitted = PCA(2, random_state=seed).fit(np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1])))))
    held = float(np.nan_to_num(fitted.explained_variance_ratio_).sum())
    if held >= ENOUGH or len(points) < FEWEST:
        padded = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))
        shares = [
            f"main axis {i + 1} ({share:.0%} of the variance)"
            for i, share in enumerate(fitted.explained_variance_ratio_)
        ]
        return Flat(fitted.transform(padded), (shares[0], shares[1]), "PCA")
    perplexity = min(NEIGHBOURS, (len(points) - 1) / 3)
    at = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points.astype(np.float32))
    return Flat(np.asarray(at, float), ("t-SNE 1", "t-SNE 2"), f"t-SNE (two main axes hold {held:.0%} of the variance)")
