"""Compositions as vectors, and every vector as a composition."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.chem.formulas import parse, reduced, write

__all__ = ["CompositionSpace"]

LARGEST = 99
MOST_ELEMENTS = 12


@dataclass(frozen=True)
class CompositionSpace:
    """x = (is element e there? ±1) ⊕ (standardised ln of its amount; 0 where it is not there).

    The way back, for any x: elements whose first number is above 0 are there, the twelve highest at most, and the highest one where
    none is; an amount is e to its second number, rounded to a whole one from 1 to 99; then the ratio is reduced.
    """

    elements: tuple[str, ...]
    mean: float
    """Of ln amount, over the elements that are there."""
    scale: float

    @classmethod
    def of(cls, formulas: Sequence[str]) -> "CompositionSpace":
        """Learn elements and scale."""
        parsed = [parse(formula) for formula in formulas]
        logs = np.log([amount for one in parsed for amount in one.values()])
        elements = tuple(sorted({symbol for one in parsed for symbol in one}))
        return cls(elements, float(logs.mean()), float(logs.std()) or 1.0)

    def vectors(self, formulas: Sequence[str]) -> np.ndarray:
        """Return float32 (n, 2 · elements)."""
        at = {symbol: i for i, symbol in enumerate(self.elements)}
        there = np.full((len(formulas), len(at)), -1.0, dtype=np.float32)
        amounts = np.zeros_like(there)
        for row, formula in enumerate(formulas):
            for symbol, amount in parse(formula).items():
                there[row, at[symbol]] = 1.0
                amounts[row, at[symbol]] = (np.log(amount) - self.mean) / self.scale
        return np.concatenate([there, amounts], axis=1)

    def formulas(self, vectors: np.ndarray) -> list[str]:
        """Return the reduced formula of each vector (n, 2 · elements)."""
        there, logs = np.split(vectors, 2, axis=1)
        amounts = np.exp(np.clip(logs * self.scale + self.mean, 0.0, np.log(LARGEST)))
        return [self._formula(*row) for row in zip(there, np.rint(amounts), strict=True)]

    def _formula(self, there: np.ndarray, amounts: np.ndarray) -> str:
        order = np.argsort(-there, kind="stable")[:MOST_ELEMENTS]
        chosen = [i for i in order if there[i] > 0] or [int(order[0])]
        return reduced(write({self.elements[i]: float(amounts[i]) for i in chosen}))
