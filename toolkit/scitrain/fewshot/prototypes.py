"""Prototypes and distances to them (Snell 2017, arXiv:1703.05175), and confidences that mean what they say.

p(class k | x) = softmax_k(−d(x, c_k) / T), where c_k is the mean of the support rows of class k and d is the squared
Euclidean distance or 1 − cosine. T is fitted to rows that took no part in the prototypes they are compared with.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from scitrain.evaluation.metrics import Array

__all__ = ["Array", "Distance", "apart_from", "centres", "confidences", "fit_temperature", "leave_one_out", "outlier"]

Distance = Literal["euclidean", "cosine"]
TINY = 1e-12
WIDEST = np.log(1e4)
"""How far the temperature may lie from the typical distance, as a logarithm."""


def centres(support: Sequence[Array], distance: Distance) -> Array:
    """Return the prototypes (classes, width) of the support rows of each class, (shots, width) each."""
    return np.stack([(_unit(rows) if distance == "cosine" else rows).mean(axis=0) for rows in support])


def apart_from(rows: Array, prototypes: Array, distance: Distance) -> Array:
    """Return d (n, classes) between rows (n, width) and prototypes (classes, width): squared Euclidean, or 1 − cosine."""
    if distance == "cosine":
        return np.asarray(1.0 - _unit(rows) @ _unit(prototypes).T)
    squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ prototypes.T + (prototypes**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0.0))


def leave_one_out(support: Sequence[Array], distance: Distance) -> tuple[Array, np.ndarray]:
    """Return d (n, classes) of each support row to prototypes made without it, and the class (n,) of each.

    The rows of a class with one shot are left out, for nothing is left of their class without them.
    """
    rows = [_unit(one) if distance == "cosine" else one for one in support]
    prototypes = np.stack([one.mean(axis=0) for one in rows])
    found: list[Array] = [np.zeros((0, len(rows)))]
    labels = [np.zeros(0, np.int64)]
    for k, one in enumerate(rows):
        if len(one) > 1:
            apart = apart_from(one, prototypes, distance)
            apart[:, k] = _pairwise(one, (one.sum(axis=0) - one) / (len(one) - 1), distance)
            found.append(apart)
            labels.append(np.full(len(one), k))
    return np.concatenate(found), np.concatenate(labels)


def confidences(distances: Array, temperature: float) -> Array:
    """Return softmax(−d / T), (n, classes)."""
    return np.asarray(softmax(-distances / temperature, axis=1))


def fit_temperature(distances: Array, labels: np.ndarray) -> float:
    """Return the T with the least log loss on rows that the prototypes were made without.

    The labels are smoothed after Platt, so that few rows that are all right do not make T zero: the true class counts 1 − ε
    and all classes share ε, with ε = 1 / (n + 2).

    Args:
        distances: (n, classes).
        labels: (n,) classes.
    """
    n, classes = distances.shape
    smooth = 1 / (n + 2)
    wanted = np.full((n, classes), smooth / classes)
    wanted[np.arange(n), labels] += 1 - smooth
    typical = float(np.log(max(float(np.median(distances)), TINY)))

    def loss(log_temperature: float) -> float:
        return float(-(wanted * log_softmax(-distances * np.exp(-log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(typical - WIDEST, typical + np.log(10)), method="bounded")
    return float(np.exp(found.x))


def outlier(nearest: Array, known: Array, share: float = 0.05) -> np.ndarray | None:
    """Tell which distances (n,) to the nearest prototype are larger than those of rows that belong: a conformal test.

    A row lies outside where the share of known distances (m,) at least as large, itself counted, is at most ``share``;
    None where m is too small for any row to.
    """
    if 1 / (len(known) + 1) > share:
        return None
    larger = len(known) - np.searchsorted(np.sort(known), nearest, side="left")
    return np.asarray((larger + 1) / (len(known) + 1) <= share)


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), TINY))


def _pairwise(rows: Array, others: Array, distance: Distance) -> Array:
    """Return the distance (n,) of each row to the other of the same number."""
    if distance == "cosine":
        return np.asarray(1.0 - (_unit(rows) * _unit(others)).sum(axis=1))
    return np.asarray(((rows - others) ** 2).sum(axis=1))
