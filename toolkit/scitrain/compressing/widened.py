"""int8 weights that are widened when a file is opened: a quarter of the bytes, and the arithmetic and speed of float32."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scitrain.compressing.int8 import Quantised, strip
from scitrain.errors import ScitrainError

__all__ = ["store_int8"]

FEWEST = 64
"""Numbers of a tensor from which int8 saves more than the nodes cost that widen it."""
LARGEST = 127


def store_int8(source: Path, target: Path) -> Quantised:
    """Write ``target`` with every matrix of weights as int8: w ≈ s · q with |q| ≤ 127 and a scale s for each output of its layer.

    onnxruntime folds Cast and Mul of constants when it opens a file, where it would compute a DequantizeLinear in every pass.

    Raises:
        ScitrainError: There is no matrix large enough.
    """
    model = onnx.load(source)
    strip(model)
    axes = _axes(model)
    total = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    done = 0
    users: dict[str, int] = {}
    nodes: list[onnx.NodeProto] = []
    for tensor in list(model.graph.initializer):
        if tensor.name not in axes or tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < FEWEST:
            continue
        kind, axis = axes[tensor.name]
        values = numpy_helper.to_array(tensor)
        done += values.size
        users[kind] = users.get(kind, 0) + 1
        nodes += _store(model.graph, tensor, values, axis)
    if not nodes:
        raise ScitrainError(
            "no layer is large enough for int8 weights to save anything; the network is as small as it gets"
        )
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    target.write_bytes(model.SerializeToString())
    return Quantised(done / max(1, total), users)


def _store(graph: onnx.GraphProto, tensor: TensorProto, values: np.ndarray, axis: int) -> list[onnx.NodeProto]:
    """Put the tensor away as int8 with its scales; return the nodes that give it back."""
    name = tensor.name
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / LARGEST, 1.0).astype(np.float32)
    small = np.clip(np.rint(values / scale), -LARGEST, LARGEST).astype(np.int8)
    tensor.CopyFrom(numpy_helper.from_array(small, f"{name}.q"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{name}.s"))
    cast = helper.make_node("Cast", [f"{name}.q"], [f"{name}.f"], name=f"{name}.c", to=TensorProto.FLOAT)
    return [cast, helper.make_node("Mul", [f"{name}.f", f"{name}.s"], [name], name=f"{name}.m")]


def _axes(model: onnx.ModelProto) -> dict[str, tuple[str, int]]:
    """Return the operation that reads each matrix of weights, and the axis of its outputs."""
    sizes = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    found: dict[str, tuple[str, int]] = {}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul", "Gather", "LSTM", "GRU"):
            continue
        for name in node.input:
            if sizes.get(name, 0) > 1:
                found[name] = (node.op_type, _axis(node, sizes[name]))
    return found


def _axis(node: onnx.NodeProto, ndim: int) -> int:
    if node.op_type == "MatMul":
        return ndim - 1
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return 1 if node.op_type in ("LSTM", "GRU") else 0
