"""Write a predictor as ONNX."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch

from scitrain.errors import ScitrainError
from scitrain.exporters._halves import halve
from scitrain.exporters._quiet import quiet
from scitrain.inference.backends import INPUT, OUTPUTS
from scitrain.runs import atomic_write
from scitrain.training.frozen import Frozen

if TYPE_CHECKING:
    from scitrain.training.predictor import Predictor

__all__ = ["annotate", "export"]

LARGEST = 2_000_000_000
"""Bytes one protobuf file may have."""


def export(predictor: "Predictor", example: np.ndarray, target: Path) -> dict[str, str | int]:
    """Write one self-contained file; returns opset and torch version. A network that is a file already stays what it is.

    Raises:
        ScitrainError: The network has an operation that ONNX lacks, or is too large for one file.
    """
    weights = sum(v.numel() * v.element_size() for v in predictor.state_dict().values())
    if weights > LARGEST:
        raise ScitrainError(
            f"the weights have {weights / 1e9:.1f} GB, one ONNX file holds 2 GB; export safetensors or torch_export"
        )
    if isinstance(predictor, Frozen):
        model = onnx.load(predictor.path)
    else:
        model = _captured(predictor, example)
        if predictor.stored != "fp32":
            halve(model, predictor.stored)
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    atomic_write(target, model.SerializeToString())
    return {"opset": opset, "ir_version": model.ir_version, "exporter": f"torch {torch.__version__} dynamo"}


def _captured(predictor: "Predictor", example: np.ndarray) -> onnx.ModelProto:
    rows = torch.from_numpy(np.ascontiguousarray(example))
    try:
        with quiet():
            program = torch.onnx.export(
                predictor.eval(),
                (rows,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[INPUT],
                output_names=[*OUTPUTS, *predictor.head.names],
                optimize=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise ScitrainError(
            f"torch cannot write this network as ONNX: {reason}; export torch_export or torchscript"
        ) from error
    if program is None:  # only where torch is told to write the file itself
        raise ScitrainError("torch's ONNX exporter returned nothing; export torch_export or torchscript")
    return program.model_proto


def annotate(path: Path, facts: dict[str, object]) -> None:
    """Put ``facts`` (JSON values) into the file's metadata, where any reader of ONNX shows them."""
    model = onnx.load(path)
    onnx.helper.set_model_props(
        model, {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in facts.items()}
    )
    atomic_write(path, model.SerializeToString())
