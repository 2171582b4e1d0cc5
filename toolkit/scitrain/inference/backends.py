"""Two ways to run a network on an array: torch, and onnxruntime without torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scitrain.errors import ScitrainError
from scitrain.resources import cpu_count

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from scitrain.training.predictor import Predictor

__all__ = ["INPUT", "OUTPUTS", "Compute", "onnx_compute", "onnx_session", "torch_compute"]

INPUT = "rows"
OUTPUTS = ("prediction", "spread", "representation")
Compute = Callable[[np.ndarray], tuple[np.ndarray, ...]]
"""A batch of feature rows to `OUTPUTS`, then what the head says besides (`Head.names`), each a float32 array."""

ERRORS_ONLY = 3
"""onnxruntime's log level: a warning about an unused initialiser is nothing a user can act on."""


def onnx_session(path: Path, threads: int | None = None) -> "InferenceSession":
    """Open an ONNX file on the CPU, with as many threads as this process may use.

    Raises:
        ScitrainError: The file is missing or damaged.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    if not path.is_file():
        raise ScitrainError(f"no {path.name} in {path.parent}; export_model(formats=['onnx']) makes it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cpu_count()
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
    ) as error:
        raise ScitrainError(
            f"{path} cannot be opened by onnxruntime {onnxruntime.__version__}: {error}; export it again"
        ) from None


def onnx_compute(path: Path, threads: int | None = None) -> Compute:
    """Return an ONNX file as a function of a batch; imports no torch."""
    session = onnx_session(path, threads)
    wanted = [output.name for output in session.get_outputs()]

    def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(session.run(wanted, {INPUT: np.ascontiguousarray(x)}))

    return compute


def torch_compute(predictor: "Predictor", device: str = "cpu") -> Compute:
    """Return a predictor in eval mode as a function of a batch."""
    import torch

    network = predictor.to(device).eval()

    def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
        # a copy of memory-mapped rows: torch warns of arrays that cannot be written
        rows = torch.from_numpy(x if x.flags.writeable else x.copy())
        with torch.inference_mode():
            return tuple(output.float().cpu().numpy() for output in network(rows.to(device)))

    return compute
