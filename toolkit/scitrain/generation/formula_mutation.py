"""Compositions made from known ones by small changes: a generator that needs no training.

Elements are exchanged for such as stand near on Pettifor's chemical scale, which is how substitution finds new compounds (Glawe et al.
2016, doi:10.1088/1367-2630/18/9/093011); amounts move by steps; two parents exchange an element.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scitrain.chem.formula_distance import scale
from scitrain.chem.formulas import parse, reduced, write

__all__ = ["FormulaMutation"]

REACH = 6.0
"""Places on the scale at which an exchange is 1/e as likely as with the neighbour."""
FARTHEST = 0.05
"""Least share of any element: now and then something else is tried."""
LARGEST = 24
MOST_ELEMENTS = 7
TWICE = 0.35
"""Chance that a child is changed once more."""

Amounts = dict[str, float]


class FormulaMutation:
    """Children of known compositions."""

    def __init__(self, parents: Sequence[str], known: Sequence[str]) -> None:
        """Start from reduced formulas.

        Args:
            parents: At least one.
            known: Whose elements may be put in.
        """
        self.parents = list(parents)
        symbols = sorted({symbol for name in (*known, *parents) for symbol in parse(name)})
        places = np.array([scale()[symbol] for symbol in symbols])
        near = np.exp(-np.abs(places[:, None] - places) / REACH)
        np.fill_diagonal(near, 0.0)
        self.symbols = symbols
        total = np.maximum(near.sum(axis=1, keepdims=True), 1e-30)
        self.near = (1 - FARTHEST) * near / total + FARTHEST / len(symbols)
        self.near /= self.near.sum(axis=1, keepdims=True)

    def sample(self, n: int, conditions: Mapping[str, float], seed: int) -> list[str]:
        """Return reduced formulas; ``conditions`` are met by `tune` alone."""
        rng = np.random.default_rng(seed)
        return [self._child(rng) for _ in range(n)]

    def tune(self, best: Sequence[str]) -> None:
        """Take other parents."""
        self.parents = list(best) or self.parents

    def _child(self, rng: np.random.Generator) -> str:
        amounts = parse(self.parents[int(rng.integers(len(self.parents)))])
        while True:
            change = WAYS[int(rng.choice(len(WAYS), p=WEIGHTS))]
            amounts = change(self, amounts, rng)
            if rng.random() >= TWICE:
                return reduced(write(amounts))

    def _exchange(self, amounts: Amounts, rng: np.random.Generator) -> Amounts:
        """Put a chemically near element in the place of one."""
        old = _any(list(amounts), rng)
        if old in self.symbols:
            new = self.symbols[int(rng.choice(len(self.symbols), p=self.near[self.symbols.index(old)]))]
        else:
            new = _any(self.symbols, rng)
        kept = {symbol: amount for symbol, amount in amounts.items() if symbol != old}
        return {**kept, new: amounts[old] + kept.get(new, 0.0)}

    def _step(self, amounts: Amounts, rng: np.random.Generator) -> Amounts:
        """Make one amount larger or smaller by one."""
        symbol = _any(list(amounts), rng)
        moved = amounts[symbol] + (1.0 if rng.random() < 0.5 else -1.0)
        return {**amounts, symbol: min(max(moved, 1.0), max(LARGEST, amounts[symbol]))}

    def _cross(self, amounts: Amounts, rng: np.random.Generator) -> Amounts:
        """Take an element with its amount from another parent, in the place of one's own."""
        other = parse(_any(self.parents, rng))
        mine, theirs = _any(list(amounts), rng), _any(list(other), rng)
        kept = {symbol: amount for symbol, amount in amounts.items() if symbol != mine}
        return {**kept, theirs: other[theirs]}

    def _grow(self, amounts: Amounts, rng: np.random.Generator) -> Amounts:
        """Put an element in, or take one out."""
        if len(amounts) > 2 and (rng.random() < 0.5 or len(amounts) >= MOST_ELEMENTS):
            gone = _any(list(amounts), rng)
            return {symbol: amount for symbol, amount in amounts.items() if symbol != gone}
        return {**amounts, _any(self.symbols, rng): float(rng.integers(1, 4))}


def _any(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


Way = Callable[[FormulaMutation, Amounts, np.random.Generator], Amounts]
WAYS: tuple[Way, ...] = (
    FormulaMutation._exchange,
    FormulaMutation._step,
    FormulaMutation._cross,
    FormulaMutation._grow,
)
WEIGHTS = (0.45, 0.25, 0.2, 0.1)
