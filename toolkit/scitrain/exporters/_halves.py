"""Keep the weights of an ONNX file in half precision, and compute in single precision."""

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

__all__ = ["ROUNDED", "halve"]

ROUNDED = {"fp16": 1e-2, "bf16": 5e-2}
"""Largest difference allowed from torch, relative to the spread of the outputs: batch-norms are folded in the file before it is
rounded, and rounded apart in torch."""
FEWEST = 64
"""Numbers of a tensor from which halving it saves more than the node costs that widens it."""
KINDS = {"fp16": (torch.float16, TensorProto.FLOAT16), "bf16": (torch.bfloat16, TensorProto.BFLOAT16)}
ENDS = ("inputs.", "shift", "scale", "temperature")
"""Statistics of the columns and of the target stay as they are: they span any range, and are few."""


def halve(model: onnx.ModelProto, kind: str) -> None:
    """Store the weights of ``model`` as ``kind`` (fp16, bf16), each widened to float32 by a node that is folded when a session opens."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        short = None if tensor.name.startswith(ENDS) else _short(tensor, kind)
        if short is not None:
            name = tensor.name
            tensor.CopyFrom(short)
            tensor.name = f"{name}.{kind}"
            casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}.widen", to=TensorProto.FLOAT))
    # before all others: a graph lists its nodes in the order in which they can be computed
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _short(tensor: TensorProto, kind: str) -> TensorProto | None:
    """Return the tensor in half precision; None where it is small, no float32, or out of range."""
    dtype, element = KINDS[kind]
    if tensor.data_type != TensorProto.FLOAT:
        return None
    values = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    if values.numel() < FEWEST or values.abs().max() > torch.finfo(dtype).max:
        return None
    short = TensorProto(data_type=element, dims=tensor.dims)
    short.raw_data = values.to(dtype).view(torch.int16).numpy().tobytes()
    return short
