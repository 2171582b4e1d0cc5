"""C++: a program that loads the network, with what builds it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Cpp"]


class Cpp(Exporter):
    """A zip of ``main.cpp``, ``CMakeLists.txt``, README, TorchScript network, and rows with the answers to expect."""

    format: ClassVar[str] = "cpp"
    filename: ClassVar[str] = "cpp.zip"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Trace one pass over ``example``."""
        from scitrain.exporters._cpp import export

        return export(predictor, example, target)

    def describe(self, target: Path, facts: Mapping[str, object]) -> None:
        """Add the sources, which name inputs, outputs and units."""
        from scitrain.exporters._cpp import add_sources

        add_sources(target, facts)

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Load the network within on the CPU."""
        from scitrain.exporters._cpp import load

        return load(source)
