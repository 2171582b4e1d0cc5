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

__all__ = ["Quantised", "ends", "quantise"]

STATIC = ("Conv", "Gemm", "MatMul")
"""Operations with int8 kernels for ranges known beforehand."""
DYNAMIC = ("Conv", "Gemm", "MatMul", "LSTM", "Gather")
"""Those whose ranges are taken of each batch as it comes; `Gather` reads embeddings."""
BATCH = 64
SMALL_ENDS = 0.05
"""Share of the weights up to which the first and the last layer stay as they are."""


@dataclass(frozen=True)
class Quantised:
    """What became of the weights."""

    share: float
    """Of all numbers in the file, those that are int8."""
    operations: dict[str, int]
    """Operations with int8 weights, by kind."""
    left: list[str] = field(default_factory=list)
    """Kinds of operations with weights that stayed in float32."""
    ends_kept: bool = False
    """The first and last layers stayed in float32."""


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
    _strip(target)
    found = _describe(onnx.load(target))
    if not found.operations:
        kinds = ", ".join(f"{n} × {kind}" for kind, n in _weighted(onnx.load(source)).items())
        how = "static" if rows is not None else "dynamic"
        raise ScitrainError(
            f"{how} int8 has nothing to work on here: onnxruntime has int8 kernels for {', '.join(STATIC if rows is not None else DYNAMIC)}, "
            f"the weights of this network lie in {kinds or 'none'}; take fp16 or prune"
        )
    return found


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


def ends(source: Path) -> tuple[list[str], float]:
    """Return the nodes that begin and end each member, and their share of all weights.

    Those are the layers whose rounding is felt the most: raw rows come into the first, and the last one is the answer.
    """
    ready = source.with_name(f".{source.stem}.named.onnx")
    with quiet():
        quant_pre_process(source, ready, skip_symbolic_shape=True)
    model = onnx.load(ready)
    ready.unlink()
    sizes = _sizes(model)
    layers = [node for node in model.graph.node if node.op_type in STATIC and any(name in sizes for name in node.input)]
    made = {name for node in layers for name in _downstream(model, node)}
    first = [node for node in layers if node.name not in made]
    last = [node for node in layers if not _downstream(model, node) & {other.name for other in layers}]
    chosen = {node.name: node for node in [*first, *last]}
    own = sum(sizes.get(name, 0) for node in chosen.values() for name in node.input)
    return list(chosen), own / max(1, sum(sizes.values()))


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
    small = {t.name for t in model.graph.initializer if t.data_type in (TensorProto.INT8, TensorProto.UINT8) and len(t.dims) > 1}
    total = sum(_sizes(model).values())
    share = sum(n for name, n in _sizes(model).items() if name in small) / max(1, total)
    widened = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    users: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" and any(widened.get(name, name) in small for name in node.input):
            users[node.op_type] += 1
    float_matrices = {t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1}
    left = sorted({node.op_type for node in model.graph.node if node.op_type in (*DYNAMIC, "GRU") and float_matrices & set(node.input)})
    return Quantised(share, dict(users), left)


def _strip(path: Path) -> None:
    """Leave out what no reader computes with: words on nodes, shapes of values between them, names of the exporter's modules."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("doc_string")
        del value.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    path.write_bytes(model.SerializeToString())
