"""Turn an ONNX file into one whose large weights are int8, by onnxruntime's own quantiser."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from scitrain.errors import ScitrainError
from scitrain.exporters._quiet import quiet
from scitrain.inference.backends import INPUT

__all__ = ["Quantised", "ends", "quantise", "strip"]

STATIC = ("Conv", "Gemm", "MatMul")
"""Operations with int8 kernels for ranges known beforehand."""
DYNAMIC = ("Conv", "Gemm", "MatMul", "LSTM", "Gather")
"""Those whose ranges are taken of each batch as it comes; `Gather` reads embeddings."""
BATCH = 64
SPARED = 0.2
"""Share of the weights up to which layers stay in float32: the ends, and then the smallest, whose conversions cost more than they save."""


@dataclass(frozen=True)
class Quantised:
    """What became of the weights."""

    share: float
    """Of all numbers in the file, those that are int8."""
    operations: dict[str, int]
    """Operations with int8 weights, by kind."""
    left: list[str] = field(default_factory=list)
    """Kinds of operations that have float32 weights."""


class Rows(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    """Rows that the ranges of the activations are taken from, in batches."""

    def __init__(self, x: np.ndarray) -> None:
        self.batches: Iterator[np.ndarray] = iter([x[i : i + BATCH] for i in range(0, len(x), BATCH)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch, or None at the end."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: np.ascontiguousarray(batch)}


def quantise(source: Path, target: Path, rows: np.ndarray | None, keep: Sequence[str] = ()) -> Quantised:
    """Write ``target`` from the ONNX file ``source``.

    Args:
        source: As the exporter wrote it: batch-norms are folded there.
        target: File to write.
        rows: (n, …) training rows that fix the ranges of the activations (static); None measures each batch as it comes (dynamic).
        keep: Names of nodes that stay in float32.

    Raises:
        ScitrainError: The network has nothing that onnxruntime computes in int8; says what it has.
    """
    ready = target.with_name(f".{target.stem}.ready.onnx")
    try:
        with quiet():
            # torch names its axes by symbols that onnxruntime's symbolic inference cannot read; shapes are there already
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            _quantise(ready, target, rows, keep)
    finally:
        ready.unlink(missing_ok=True)
    model = onnx.load(target)
    strip(model)
    target.write_bytes(model.SerializeToString())
    found = _describe(model)
    if not found.operations:
        raise _nothing(source, "dynamic" if rows is None else "static", DYNAMIC if rows is None else STATIC)
    return found


def _nothing(source: Path, how: str, kernels: Sequence[str]) -> ScitrainError:
    kinds = ", ".join(f"{n} × {kind}" for kind, n in _weighted(onnx.load(source)).items())
    return ScitrainError(
        f"{how} int8 has nothing to work on here: onnxruntime has int8 kernels for {', '.join(kernels)}, the weights of this "
        f"network lie in {kinds or 'none'}; take int8_weights, fp16 or prune"
    )


def _quantise(ready: Path, target: Path, rows: np.ndarray | None, keep: Sequence[str]) -> None:
    # a product of two activations has no weights to shrink, and rounding both costs the most
    options = {"MatMulConstBOnly": True}
    if rows is None:
        quantize_dynamic(
            ready, target, op_types_to_quantize=list(DYNAMIC), per_channel=True, weight_type=QuantType.QInt8,
            nodes_to_exclude=list(keep), extra_options=options,
        )  # fmt: skip
        return
    quantize_static(
        ready, target, Rows(rows), quant_format=QuantFormat.QDQ, op_types_to_quantize=list(STATIC), per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=list(keep), extra_options=options,
    )  # fmt: skip


def ends(source: Path) -> tuple[list[str], list[str]]:
    """Return the nodes that stay in float32 at first, and those that begin and end each member.

    The first and the last layer are those whose rounding is felt the most: raw rows come into the one, and the other is the answer. They
    stay where they are small, and with them the smallest of the others, `SPARED` of the weights in all.
    """
    ready = source.with_name(f".{source.stem}.named.onnx")
    with quiet():
        quant_pre_process(source, ready, skip_symbolic_shape=True)
    model = onnx.load(ready)
    ready.unlink()
    sizes = _sizes(model)
    layers = {n.name: n for n in model.graph.node if n.op_type in STATIC and any(name in sizes for name in n.input)}
    below = {name: _downstream(model, node) & layers.keys() for name, node in layers.items()}
    inner = set().union(*below.values()) if below else set()
    outer = [name for name in layers if name not in inner or not below[name]]
    weights = {name: sum(sizes.get(tensor, 0) for tensor in node.input) for name, node in layers.items()}
    allowed = SPARED * sum(sizes.values())
    if sum(weights[name] for name in outer) > allowed:
        return [], outer
    spared = list(outer)
    for name in sorted(weights.keys() - set(outer), key=lambda name: (weights[name], name)):
        if sum(weights[other] for other in (*spared, name)) <= allowed:
            spared.append(name)
    return spared, outer


def _sizes(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}


def _downstream(model: onnx.ModelProto, node: onnx.NodeProto) -> set[str]:
    """Return the names of all nodes that need what ``node`` gives."""
    reached, names = set(node.output), set()
    for other in model.graph.node:
        if other.name != node.name and reached & set(other.input):
            reached |= set(other.output)
            names.add(other.name)
    return names


def _weighted(model: onnx.ModelProto) -> Counter[str]:
    """Count the operations that read matrices of weights, by kind."""
    matrices = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) > 1}
    return Counter(node.op_type for node in model.graph.node if matrices & set(node.input))


def _describe(model: onnx.ModelProto) -> Quantised:
    """Count what is int8."""
    small = {
        t.name
        for t in model.graph.initializer
        if t.data_type in (TensorProto.INT8, TensorProto.UINT8) and len(t.dims) > 1
    }
    total = sum(_sizes(model).values())
    share = sum(n for name, n in _sizes(model).items() if name in small) / max(1, total)
    widened = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    users: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" and any(widened.get(name, name) in small for name in node.input):
            users[node.op_type] += 1
    float_matrices = {t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1}
    left = sorted(
        {
            node.op_type
            for node in model.graph.node
            if node.op_type in (*DYNAMIC, "GRU") and float_matrices & set(node.input)
        }
    )
    return Quantised(share, dict(users), left)


def strip(model: onnx.ModelProto) -> None:
    """Leave out what no reader computes with: words on nodes, shapes of values between them, names of the exporter's modules."""
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("doc_string")
        del value.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
