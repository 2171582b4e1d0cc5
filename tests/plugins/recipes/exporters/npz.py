"""A new export format: numpy's own archive of arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Npz"]


class Npz(Exporter):
    """Every parameter and buffer as an array by its name."""

    format: ClassVar[str] = "npz"
    filename: ClassVar[str] = "weights.npz"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Write the arrays."""
        import numpy as np

        arrays = {name: value.numpy() for name, value in predictor.state_dict().items()}
        with target.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        return {"arrays": len(arrays)}

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Fill a copy of the network with what the file holds."""
        import copy

        import numpy as np
        import torch

        from scitrain.inference.backends import torch_compute

        with np.load(source, allow_pickle=False) as arrays:
            state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        filled = copy.deepcopy(predictor)
        filled.load_state_dict(state)
        return torch_compute(filled)
