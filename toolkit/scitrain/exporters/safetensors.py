"""safetensors: the weights alone, which cannot carry code."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Safetensors"]


class Safetensors(Exporter):
    """Every parameter and buffer by its name; `load_predictor` of `scitrain.inference` rebuilds the network."""

    format: ClassVar[str] = "safetensors"
    filename: ClassVar[str] = "weights.safetensors"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Write the numbers."""
        from scitrain.inference.files import weight_bytes
        from scitrain.runs import atomic_write

        atomic_write(target, weight_bytes(predictor))
        return {"tensors": len(predictor.state_dict())}

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Fill a copy of the network, blanked before, with what the file holds."""
        from scitrain.exporters._torch import load_weights_only

        return load_weights_only(source, predictor)
