"""Which rows of a class become its support: at random, or spread over the class."""

from typing import Literal

import numpy as np

from scitrain.fewshot.prototypes import Array, apart_from

__all__ = ["MOST", "Selection", "choose_support"]

Selection = Literal["random", "kmeans", "kmeans++"]
MOST = 256
"""Rows of a class that are looked at; of more a random sample."""
ROUNDS = 20


def choose_support(rows: Array, shots: int, how: Selection, rng: np.random.Generator) -> np.ndarray:
    """Return the indices (shots,) of the chosen rows of one class, (n, width) with n ≥ shots; no label is looked at.

    ``kmeans`` takes the rows nearest to the centres of k-means with k = shots, ``kmeans++`` its seeding alone (Arthur 2007,
    doi:10.5555/1283383.1283494): each next row with a chance that grows with the squared distance to those chosen.
    """
    pool = rng.permutation(len(rows))[: max(MOST, shots)]
    if how == "random" or len(pool) == shots:
        return pool[:shots]
    seen = rows[pool]
    seeds = _spread(seen, shots, rng)
    return np.asarray(pool[seeds if how == "kmeans++" else _central(seen, seen[seeds])])


def _spread(rows: Array, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Return k-means++ seeds, all different."""
    chosen = [int(rng.integers(len(rows)))]
    nearest = apart_from(rows, rows[chosen], "euclidean")[:, 0]
    for _ in range(shots - 1):
        weight = nearest.copy()
        weight[chosen] = 0.0
        if weight.sum() <= 0:  # what is left repeats what is chosen
            weight = np.ones(len(rows))
            weight[chosen] = 0.0
        chosen.append(int(rng.choice(len(rows), p=weight / weight.sum())))
        nearest = np.minimum(nearest, apart_from(rows, rows[chosen[-1:]], "euclidean")[:, 0])
    return np.array(chosen)


def _central(rows: Array, centres: Array) -> np.ndarray:
    """Return the row nearest to each centre of k-means, each row once."""
    for _ in range(ROUNDS):
        own = apart_from(rows, centres, "euclidean").argmin(axis=1)
        moved = np.stack([rows[own == k].mean(axis=0) if (own == k).any() else centres[k] for k in range(len(centres))])
        if np.allclose(moved, centres):
            break
        centres = moved
    distances = apart_from(rows, centres, "euclidean")
    chosen: list[int] = []
    for k in range(len(centres)):
        distances[chosen] = np.inf
        chosen.append(int(distances[:, k].argmin()))
    return np.array(chosen)
