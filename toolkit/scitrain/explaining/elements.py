"""What each element does for a network that reads elements and amounts: the prediction with it and without it.

No gradient leads from one element to another, and amounts must add up; so an element is taken away, and the others share the whole. The
Shapley value (Shapley 1953; of models: Lundberg, Lee 2017, arXiv:1705.07874) is the mean of what an element adds over all orders in which
a formula may be put together: the values add up to f(x) less the mean of the training rows, which stands for a formula of nothing.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import torch
from torch import Tensor

from scitrain.explaining.function import Explained

__all__ = ["EXACT", "element_values", "parts_of"]

EXACT = 8
"""Elements up to which every part of a formula is predicted; of more, parts that `ORDERS` orders drawn at random lead through."""
ORDERS = 64
PIECE = 512
"""Formulas predicted at once."""


def element_values(
    explained: Explained, row: np.ndarray, output: int, nothing: float, shapley: bool, seed: int
) -> tuple[list[float], float]:
    """Return what each element of a formula does, in the unit of f and the order of its ids, and f of the whole formula less ``nothing``.

    Args:
        explained: f.
        row: int64 (2 × elements,): ids, then amounts, 0 behind both.
        output: Output of f that is explained.
        nothing: f of no element at all.
        shapley: False asks what is lost without the element alone.
        seed: Of the orders of long formulas.
    """
    said = _Said(explained, row, output, nothing)
    values = _shapley(said, said.count, seed) if shapley else _lost(said, said.count)
    return values, said.known[frozenset(range(said.count))] - nothing


def parts_of(row: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return a formula without some of its elements, the others sharing the whole.

    Args:
        row: int64 (2 × elements,).
        masks: bool (parts, elements of the formula), True where one stays; at least one does.
    """
    length, count = len(row) // 2, masks.shape[1]
    order = np.argsort(~masks, axis=1, kind="stable")
    stay = np.take_along_axis(masks, order, axis=1)
    ids, amounts = row[:count][order] * stay, row[length : length + count][order] * stay
    whole = row[length:].sum()
    shared = np.maximum(np.rint(amounts / amounts.sum(axis=1, keepdims=True) * whole), 1).astype(np.int64) * stay
    found = np.zeros((len(masks), len(row)), np.int64)
    found[:, :count], found[:, length : length + count] = ids, shared
    return found


class _Said:
    """f of the parts of a formula, each predicted once; a part is told by the set of its elements."""

    def __init__(self, explained: Explained, row: np.ndarray, output: int, nothing: float) -> None:
        self.explained, self.row, self.output = explained, row, output
        self.count = int((row[: len(row) // 2] > 0).sum())
        self.known: dict[frozenset[int], float] = {frozenset(): nothing}

    def predict(self, parts: Sequence[frozenset[int]]) -> None:
        """Predict the parts that are not known yet."""
        new = [part for part in dict.fromkeys(parts) if part not in self.known]
        masks = np.array([[at in part for at in range(self.count)] for part in new], bool).reshape(-1, self.count)
        device = self.explained.predictor.shift.device
        with torch.no_grad():
            for start in range(0, len(new), PIECE):
                rows = torch.from_numpy(parts_of(self.row, masks[start : start + PIECE])).to(device)
                said: Tensor = self.explained(rows)[:, self.output]
                self.known |= dict(zip(new[start : start + PIECE], said.tolist(), strict=True))

    def gain(self, before: frozenset[int], at: int) -> float:
        """Return what an element adds to a part."""
        return self.known[before | {at}] - self.known[before]


def _lost(said: _Said, count: int) -> list[float]:
    whole = frozenset(range(count))
    without = [whole - {at} for at in range(count)]
    said.predict([whole, *without])
    return [said.gain(part, at) for at, part in enumerate(without)]


def _shapley(said: _Said, count: int, seed: int) -> list[float]:
    orders = None if count <= EXACT else _orders(count, seed)
    before = [_before(count, at, orders) for at in range(count)]
    said.predict([part for at, own in enumerate(before) for less, _ in own for part in (less, less | {at})])
    return [sum(share * said.gain(less, at) for less, share in own) for at, own in enumerate(before)]


def _before(count: int, at: int, orders: list[list[int]] | None) -> list[tuple[frozenset[int], float]]:
    """Return the parts that an element may be added to, each with its share of the orders; None stands for all orders there are."""
    if orders is not None:
        return [(frozenset(order[: order.index(at)]), 1 / len(orders)) for order in orders]
    others = [other for other in range(count) if other != at]
    return [
        (frozenset(some), 1 / (count * comb(count - 1, size)))
        for size in range(count)
        for some in combinations(others, size)
    ]


def _orders(count: int, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    half = [rng.permutation(count).tolist() for _ in range(ORDERS // 2)]
    return [*half, *(order[::-1] for order in half)]  # an order and its reverse err to opposite sides
