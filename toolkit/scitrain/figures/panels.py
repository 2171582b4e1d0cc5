"""What the figures of one target are drawn from."""

from dataclasses import dataclass

import numpy as np

__all__ = ["ClassTarget", "NumericTarget"]


@dataclass(frozen=True)
class NumericTarget:
    """Measured and predicted numbers of one target, labelled rows only."""

    name: str
    unit: str | None
    y: np.ndarray
    """(n,) measured, in the unit."""
    prediction: np.ndarray
    """(n,)"""
    low: np.ndarray | None = None
    """(n,) lower ends of the prediction intervals; NaN where a row has none."""
    high: np.ndarray | None = None
    """(n,) upper ends."""
    inside: np.ndarray | None = None
    """bool (n,): the row lies in the training domain."""
    score: str = ""
    """Headline metric in words, with its interval."""
    coverage: float | None = None
    """Share of rows whose interval was asked to hold the truth."""


@dataclass(frozen=True)
class ClassTarget:
    """True classes and predicted probabilities of one target, labelled rows only."""

    name: str
    classes: tuple[str, ...]
    y: np.ndarray
    """(n,) class indices."""
    probabilities: np.ndarray
    """(n, classes)"""
    score: str = ""
    """Headline metric in words, with its interval."""
    auroc: str = ""
    """AUROC in words, with its interval."""
    auprc: str = ""
    """AUPRC in words, with its interval."""

    @property
    def predicted(self) -> np.ndarray:
        """Return the most probable classes, (n,)."""
        found: np.ndarray = self.probabilities.argmax(axis=1)
        return found
