"""What an export format offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Exporter"]


class Exporter(ABC):
    """One format. Subclass it in a new file of ``scitrain/exporters``."""

    format: ClassVar[str]
    """Name in a request."""
    filename: ClassVar[str]
    """File below ``models/``."""
    tolerance: ClassVar[float] = 1e-4
    """Largest allowed difference from torch, relative to the spread of each output over the compared rows."""

    @abstractmethod
    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Write ``target`` from a predictor in eval mode on the CPU; ``example`` is (2, …). Returns facts for the record (opset …)."""

    def describe(self, target: Path, facts: Mapping[str, object]) -> None:  # noqa: B027  # most formats have no such place
        """Put into the written file what it is, where the format has a place for that.

        Args:
            target: What `export` wrote.
            facts: ``run_id``, ``task``, ``targets`` (``name``, ``unit``, ``classes``), ``trained_on``, ``seed``, ``coverage``,
                ``conformal``, ``inputs`` (columns), ``features`` (a name for each column of a vector, or None), ``shape`` and
                ``dtype`` of a row of features.
        """

    @abstractmethod
    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Read the file back as a function of a batch with the predictor's outputs (prediction, spread, representation)."""
