"""AOTInductor: the network compiled to machine code, for Python and C++."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Aoti"]


class Aoti(Exporter):
    """A package for the kind of processor it was made on, any batch size: ``torch._inductor.aoti_load_package("model_aoti.pt2")(rows)``."""

    format: ClassVar[str] = "aoti"
    filename: ClassVar[str] = "model_aoti.pt2"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Capture the graph and compile it, which takes a C++ compiler and half a minute."""
        from scitrain.exporters._torch import export_compiled

        return export_compiled(predictor, example, target)

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Load the machine code."""
        from scitrain.exporters._torch import load_compiled

        return load_compiled(source)
