"""What a trained model says of some rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Predictions", "joined"]

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predictions:
    """Predictions of n rows; a row with an error holds NaN, an empty set, and lies outside."""

    prediction: Floats
    """(n, targets), or (n, classes) probabilities for ``multiclass``; numbers in the target's unit; for ``mixed`` these side by side."""
    spread: Floats
    """Same shape: standard deviation over the members of the ensemble, or learned; zeros for one member with a point."""
    low: Floats | None = None
    """(n, targets) lower ends, of numbers only; NaN where a target has no interval."""
    high: Floats | None = None
    """(n, targets) upper ends."""
    sets: Bools | None = None
    """(n, targets, classes): class is in the conformal set; None where all targets are numbers and where nothing was calibrated."""
    inside: Bools | None = None
    """(n,) lies in the training domain; None where no domain was learned."""
    distance: Floats | None = None
    """(n,) distance to the training rows, in standard deviations."""
    ends: Floats | None = None
    """(n, targets, 2) learned quantiles before calibration."""
    place: Floats | None = None
    """(n, axes) where rows lie as the training domain sees them; None where it was not asked for."""
    errors: dict[int, str] = field(default_factory=dict)
    """Row index to what is wrong with the row."""

    def __len__(self) -> int:
        return len(self.prediction)

    def refused(self, errors: Mapping[int, str]) -> "Predictions":
        """Return the same with further bad rows, whose predictions are taken back."""
        if not errors:
            return self
        good = np.array([i for i in range(len(self)) if i not in errors], dtype=np.int64)
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "errors"}
        left: dict[str, Any] = {name: None if values is None else values[good] for name, values in kept.items()}
        rest = Predictions(**left)
        return rest.scattered(len(self), good, self.errors | dict(errors))

    def scattered(self, n: int, at: npt.NDArray[np.int64], errors: dict[int, str]) -> "Predictions":
        """Return n rows with these at the indices ``at``, and nothing elsewhere."""
        placed: dict[str, Any] = {
            f.name: _scatter(getattr(self, f.name), n, at) for f in fields(self) if f.name != "errors"
        }
        own = {int(at[i]): why for i, why in self.errors.items()}
        return Predictions(**placed, errors=dict(sorted((errors | own).items())))


def _scatter(values: np.ndarray | None, n: int, at: npt.NDArray[np.int64]) -> np.ndarray | None:
    if values is None or len(at) == n:
        return values
    empty = False if values.dtype == bool else np.nan
    target = np.full((n, *values.shape[1:]), empty, dtype=values.dtype)
    target[at] = values
    return target


def joined(parts: list[Predictions]) -> Predictions:
    """Put the predictions of consecutive blocks of rows together; there is at least one block."""
    if len(parts) == 1:
        return parts[0]
    errors: dict[int, str] = {}
    start = 0
    for part in parts:
        errors |= {start + i: why for i, why in part.errors.items()}
        start += len(part)
    names = [f.name for f in fields(Predictions) if f.name != "errors"]
    columns: dict[str, Any] = {name: _concatenated([getattr(part, name) for part in parts]) for name in names}
    return Predictions(**columns, errors=errors)


def _concatenated(parts: list[np.ndarray | None]) -> np.ndarray | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None
