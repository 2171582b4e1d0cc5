"""ONNX, for onnxruntime and whatever else reads it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.exporter import Exporter

if TYPE_CHECKING:
    import numpy as np

    from scitrain.training.predictor import Predictor

__all__ = ["Onnx"]


TOLD = ("run_id", "task", "targets", "outputs", "trained_on", "seed", "coverage", "conformal")
"""Facts in the metadata; ``outputs`` names the columns of prediction and spread, by the last two a reader makes intervals of its own."""


class Onnx(Exporter):
    """One file: ``rows`` (batch, …) → ``prediction``, ``spread``, ``representation``, any batch size (ONNX, https://onnx.ai)."""

    format: ClassVar[str] = "onnx"
    filename: ClassVar[str] = "model.onnx"

    def export(self, predictor: "Predictor", example: "np.ndarray", target: Path) -> dict[str, str | int]:
        """Write it through torch's dynamo exporter, batch-norms folded into the layers before them."""
        from scitrain.exporters._onnx import export

        return export(predictor, example, target)

    def describe(self, target: Path, facts: Mapping[str, object]) -> None:
        """Put into the metadata what any reader of ONNX shows."""
        from scitrain.exporters._onnx import annotate

        annotate(target, {name: facts[name] for name in TOLD})

    def load(self, source: Path, predictor: "Predictor") -> "Callable[[np.ndarray], tuple[np.ndarray, ...]]":
        """Open it in onnxruntime."""
        from scitrain.inference.backends import onnx_compute

        return onnx_compute(source)
