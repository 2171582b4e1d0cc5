"""torch.export, for AOTInductor, ExecuTorch and later torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["TorchExport"]


class TorchExport(Exporter):
    """An exported program, any batch size: ``torch.export.load("model.pt2").module()(rows)``."""

    format: ClassVar[str] = "torch_export"
    filename: ClassVar[str] = "model.pt2"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Capture the graph with a symbolic batch size."""
        from scitrain.exporters._torch import export_program

        return export_program(predictor, example, target)

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Load it on the CPU."""
        from scitrain.exporters._torch import load_program

        return load_program(source)
