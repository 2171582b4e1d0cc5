"""How well each label fits each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from scitrain.errors import DataError
from scitrain.figures.words import shorten

__all__ = ["Scored", "refuse_long", "rows_at_once"]


@dataclass(frozen=True)
class Scored:
    """p = softmax over the labels of s / T; s is a model's own score of a label, T stated or learned by the model itself."""

    logits: np.ndarray
    """float64 (n, labels), s / T"""
    temperature: float
    why: str
    """Where T is from."""
    alone: np.ndarray | None = None
    """float64 (n, labels), probability of each label by itself; None where the model has none."""
    cut: int = 0
    """Rows longer than the model reads."""

    def probabilities(self) -> np.ndarray:
        """Return the probability of each label among all, (n, labels)."""
        found: np.ndarray = softmax(self.logits, axis=1)
        return found


def rows_at_once(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Return pieces of row numbers, the longest rows first, each of at most ``tokens`` with its padding."""
    order = np.argsort(-lengths, kind="stable")
    found, start = [], 0
    while start < len(order):
        size = max(1, tokens // max(1, int(lengths[order[start]])))
        found.append(order[start : start + size])
        start += size
    return found


def refuse_long(claims: Sequence[str], lengths: Sequence[int], most: int) -> None:
    """Refuse a description of more than ``most`` tokens: what is cut off would not be compared.

    Raises:
        DataError: Names it.
    """
    for claim, length in zip(claims, lengths, strict=True):
        if length > most:
            raise DataError(
                f"the description {shorten(claim, 60)!r} has {length} tokens, and there is place for {most}; shorten it"
            )
