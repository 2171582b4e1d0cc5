"""What a network says about rows, as arrays; imports no torch, so that a model can predict without it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Outputs"]

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Outputs:
    """Raw outputs of a predictor for n rows."""

    prediction: Floats
    """(n, targets) in the target's unit, or probabilities: (n, targets) of binary and multilabel, (n, classes) of multiclass."""
    spread: Floats
    """Standard deviation over the members, shaped like ``prediction``."""
    representation: Floats
    """(n, width): the members' features side by side."""
    ends: Floats | None = None
    """(n, targets, 2) lower and upper ends before calibration, of a quantile head."""

    def take(self, rows: npt.NDArray[np.bool_]) -> "Outputs":
        """Return some of the rows."""
        ends = None if self.ends is None else self.ends[rows]
        return Outputs(self.prediction[rows], self.spread[rows], self.representation[rows], ends)
