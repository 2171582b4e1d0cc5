"""How far two compositions lie apart, and which known one is nearest.

The element mover's distance (Hargreaves et al. 2020, doi:10.1021/acs.chemmater.0c03381): the least work that turns the elements of one
composition into those of the other, atom by atom, where the way between two elements is their distance on Pettifor's chemical scale
(1984, doi:10.1016/0038-1098(84)90765-8; pymatgen's Mendeleev numbers). On a line that work is the area between the two cumulative
distributions. 0 for equal ratios; 1 where all atoms move to the neighbour on the scale, as from NaCl to a half of it in KCl.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from scitrain.chem.formula_features import element_properties

__all__ = ["Near", "cumulative", "element_movers_distance", "nearest", "scale"]

Near = tuple[int, float]
"""Index of the nearest known composition, and how far it is."""
FIRST = 64
"""Known compositions of a like mean place that are tried first: their distance bounds the search."""


@cache
def scale() -> dict[str, float]:
    """Return the place of each element on Pettifor's scale."""
    names, symbols, values = element_properties()
    places = values[:, names.index("mendeleev_number")].tolist()
    return dict(zip(symbols, places, strict=True))


@cache
def _steps() -> tuple[dict[str, int], np.ndarray]:
    """Return the rank of each element on the scale, and the way (117,) from each place to the next."""
    ordered = sorted(scale(), key=lambda symbol: (scale()[symbol], symbol))
    return {symbol: rank for rank, symbol in enumerate(ordered)}, np.diff([scale()[symbol] for symbol in ordered])


def cumulative(compositions: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Return float32 (n, 117): the share of atoms up to each place of the scale, times the way to the next place.

    The sum of absolute differences between two rows is their element mover's distance.
    """
    ranks, ways = _steps()
    dense = np.zeros((len(compositions), len(ranks)))
    for row, amounts in enumerate(compositions):
        total = sum(amounts.values())
        for symbol, amount in amounts.items():
            dense[row, ranks[symbol]] = amount / total
    return np.asarray(dense.cumsum(axis=1)[:, :-1] * ways, dtype=np.float32)


def element_movers_distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the distance of two compositions."""
    rows = cumulative([one, other])
    return float(np.abs(rows[0] - rows[1]).sum())


def nearest(
    query: Sequence[Mapping[str, float]],
    known: Sequence[Mapping[str, float]],
    tick: Callable[[int, int], None] | None = None,
) -> list[Near]:
    """Return for each composition the nearest known one, exactly.

    The difference of the mean places is never more than the distance, so that only known compositions within the best distance so
    far are looked at.

    Args:
        query: n compositions.
        known: At least one.
        tick: Told (done, n).
    """
    rows = cumulative(known)
    means = _means(rows)
    order = np.argsort(means, kind="stable")
    rows, means = rows[order], means[order]
    found: list[Near] = []
    for done, vector in enumerate(cumulative(query), 1):
        found.append(_closest(vector, rows, means, order))
        if tick is not None and done % 1000 == 0:
            tick(done, len(query))
    return found


def _means(rows: np.ndarray) -> np.ndarray:
    """Return the mean place of each composition (n,), counted from the last one of the scale downwards."""
    return np.asarray(-rows.sum(axis=-1, dtype=np.float64))


def _closest(vector: np.ndarray, rows: np.ndarray, means: np.ndarray, order: np.ndarray) -> Near:
    own = float(_means(vector))
    at = int(np.searchsorted(means, own))
    start, end = max(0, at - FIRST // 2), min(len(rows), at + FIRST // 2)
    best = float(np.abs(rows[start:end] - vector).sum(axis=1).min()) if end > start else np.inf
    # rounding in float32 must not lose the best one itself
    start, end = np.searchsorted(means, [own - best - 1e-3, own + best + 1e-3])
    distances = np.abs(rows[start:end] - vector).sum(axis=1)
    place = int(distances.argmin())
    return int(order[start + place]), float(distances[place])
