"""TorchScript, for programs that run torch's C++ library."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["TorchScript"]


class TorchScript(Exporter):
    """A traced network, any batch size: ``torch.jit.load("model.pt")(rows)``."""

    format: ClassVar[str] = "torchscript"
    filename: ClassVar[str] = "model.pt"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Trace one pass over ``example``."""
        from scitrain.exporters._torch import export_traced

        return export_traced(predictor, example, target)

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Load it on the CPU."""
        from scitrain.exporters._torch import load_traced

        return load_traced(source)
