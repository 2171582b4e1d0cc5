"""Write and read the formats that need torch."""

import copy
import io
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from scitrain.errors import ScitrainError
from scitrain.exporters._quiet import quiet
from scitrain.inference.backends import Compute, torch_compute
from scitrain.inference.files import load_weights
from scitrain.runs import atomic_write
from scitrain.training.predictor import Predictor

__all__ = [
    "export_compiled",
    "export_program",
    "export_traced",
    "load_compiled",
    "load_program",
    "load_traced",
    "load_weights_only",
    "traced_bytes",
]


class Traceable(Predictor):
    """The same network without the method torch would compile beside the trace, which not every network allows."""

    logits = None  # type: ignore[assignment]

    @classmethod
    def of(cls, predictor: Predictor) -> "Traceable":
        """Share everything with ``predictor``."""
        bare = cls.__new__(cls)
        bare.__dict__.update(predictor.__dict__)
        return bare


def traced_bytes(predictor: Predictor, example: np.ndarray) -> bytes:
    """Trace to TorchScript; torch calls it deprecated, and C++ programs still need it."""
    content = io.BytesIO()
    with quiet(), torch.no_grad():
        rows = torch.from_numpy(np.ascontiguousarray(example))
        traced = torch.jit.trace(Traceable.of(predictor.eval()), rows)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, content)
    return content.getvalue()


def export_traced(predictor: Predictor, example: np.ndarray, target: Path) -> dict[str, str | int]:
    """Write TorchScript."""
    atomic_write(target, traced_bytes(predictor, example))
    return {"exporter": f"torch {torch.__version__} trace"}


def load_traced(source: Path | io.BytesIO) -> Compute:
    """Load TorchScript on the CPU."""
    with quiet():
        file = source if isinstance(source, io.BytesIO) else str(source)
        loaded = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
    return _compute(loaded)


def export_program(predictor: Predictor, example: np.ndarray, target: Path) -> dict[str, str | int]:
    """Capture with a symbolic batch size and write ``.pt2``.

    Raises:
        ScitrainError: Python code of the network depends on the data.
    """
    content = io.BytesIO()
    program = _captured(predictor, example)
    with quiet():
        torch.export.save(program, content)
    atomic_write(target, content.getvalue())
    return {"exporter": f"torch {torch.__version__} export"}


def export_compiled(predictor: Predictor, example: np.ndarray, target: Path) -> dict[str, str | int]:
    """Compile to a package for this machine's kind of processor.

    Raises:
        ScitrainError: There is no C++ compiler, or it does not compile this network.
    """
    from torch._inductor.exc import CppCompileError, InductorError  # seconds of imports that no other format needs

    compiler = os.environ.get("CXX") or "g++"
    if shutil.which(compiler) is None:
        raise ScitrainError(
            f"the format aoti compiles the network, and there is no C++ compiler {compiler!r} on PATH; install g++ "
            "(on Debian: apt install g++), name another one in CXX, or export torchscript"
        )
    program = _captured(predictor, example)
    try:
        with quiet():
            torch._inductor.aoti_compile_and_package(program, package_path=str(target))
    except (InductorError, CppCompileError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ScitrainError(
            f"torch cannot compile this network: {reason}; export torchscript or torch_export"
        ) from error
    return {"exporter": f"torch {torch.__version__} AOTInductor", "machine": platform.machine()}


def load_compiled(source: Path) -> Compute:
    """Load a compiled package."""
    with quiet():
        return _compute(torch._inductor.aoti_load_package(str(source)))


def _captured(predictor: Predictor, example: np.ndarray) -> torch.export.ExportedProgram:
    rows = torch.from_numpy(np.ascontiguousarray(example))
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(predictor.eval(), (rows,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    except (torch._dynamo.exc.Unsupported, torch._dynamo.exc.UserError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ScitrainError(
            f"torch.export cannot capture this network: {reason}; export onnx or torchscript"
        ) from error


def load_program(source: Path) -> Compute:
    """Load an exported program on the CPU."""
    with quiet():
        return _compute(torch.export.load(source).module())


def load_weights_only(source: Path, predictor: Predictor) -> Compute:
    """Fill a copy of ``predictor`` whose own numbers were wiped first, so that only the file's can answer."""
    blank = copy.deepcopy(predictor)
    with torch.no_grad():
        for value in blank.state_dict().values():
            value.zero_()
    load_weights(blank, source)
    return torch_compute(blank)


def _compute(network: nn.Module | Callable[..., tuple[torch.Tensor, ...]]) -> Compute:
    def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            return tuple(part.numpy() for part in network(torch.from_numpy(np.ascontiguousarray(x))))

    return compute
