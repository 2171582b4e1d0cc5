"""What prototypes are compared with on the same episodes: the nearest neighbour, and a linear probe."""

import numpy as np

from scitrain.fewshot.prototypes import Array, Distance, apart_from

__all__ = ["linear_probe", "nearest_neighbour"]

STRENGTH = 1.0
"""Inverse of the probe's ridge penalty, on rows scaled to a mean square of 1 a row (Tian 2020, arXiv:2003.11539)."""


def nearest_neighbour(support: Array, queries: Array, distance: Distance) -> np.ndarray:
    """Return the class (n,) of the nearest support row; support is (classes, shots, width), queries (n, width)."""
    classes, shots, width = support.shape
    nearest = apart_from(queries, support.reshape(-1, width), distance).argmin(axis=1)
    return np.asarray(np.arange(classes).repeat(shots)[nearest])


def linear_probe(support: Array, queries: Array) -> np.ndarray:
    """Return the class (n,) by a logistic regression on the support rows, (classes, shots, width)."""
    from sklearn.linear_model import LogisticRegression

    classes, shots, width = support.shape
    rows = support.reshape(-1, width).astype(float)
    centre = rows.mean(axis=0)
    centred = rows - centre
    scale = np.sqrt((centred**2).sum(axis=1).mean()) or 1.0
    # the ridge solution lies in the span of the rows: their few coordinates there do for any width
    _, _, axes = np.linalg.svd(centred / scale, full_matrices=False)
    probe = LogisticRegression(C=STRENGTH, max_iter=1000)
    probe.fit(centred / scale @ axes.T, np.arange(classes).repeat(shots))
    return np.asarray(probe.predict((queries - centre) / scale @ axes.T))
