"""Hold an exported file against torch, on real rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.exporter import Exporter
from scitrain.errors import ScitrainError
from scitrain.exporters._halves import ROUNDED
from scitrain.inference.backends import OUTPUTS, Compute, torch_compute

if TYPE_CHECKING:
    from scitrain.training.predictor import Predictor

__all__ = ["Reference", "verify"]

LATENCY_BATCHES = (1, 256)
PASSES = 50
SECONDS = 0.2
"""Time spent on one latency; a slow network gets fewer passes."""
MAGNITUDE = 1e-2
"""Share of the largest value below which a spread says nothing: float32 rounding of the values would fail it."""
COLLAPSED = 0.1
"""Share of the training labels' deviation that a network which says nearly the same of every row is measured by."""


@dataclass(frozen=True)
class Reference:
    """What torch says of real rows, and how fast."""

    rows: np.ndarray
    """(n, …), n ≥ 2"""
    outputs: tuple[np.ndarray, ...]
    """As `OUTPUTS`, then those of the head."""
    scales: tuple[np.ndarray, ...]
    """By output, what a difference is measured in, for each column: see `_scale`."""
    latency_ms: dict[str, JsonValue]

    @classmethod
    def of(cls, predictor: "Predictor", rows: np.ndarray, task: str) -> "Reference":
        """Run ``predictor`` on the rows.

        Raises:
            ScitrainError: Fewer than two rows with finite predictions.
        """
        compute = torch_compute(predictor)
        finite = np.isfinite(compute(rows)[0]).all(axis=1) if len(rows) else np.zeros(0, dtype=bool)
        rows = rows[finite]
        if len(rows) < 2:
            raise ScitrainError(
                f"an export is verified on at least 2 rows with finite predictions, got {len(rows)}; give more rows"
            )
        outputs = _in_batches(compute, rows)
        prediction = np.ones(outputs[0].shape[1])
        numbers = _numbers(predictor, task)
        if numbers.any():
            learned = predictor.scale.detach().cpu().numpy()
            prediction = np.where(numbers, np.maximum(_scale(outputs[0]), COLLAPSED * learned), 1.0)
        representation = np.maximum(_scale(outputs[2]), 1.0)
        further = [np.broadcast_to(prediction[:, None], part.shape[1:]) for part in outputs[3:]]  # ends of the targets
        return cls(rows, outputs, (prediction, prediction, representation, *further), latency(compute, rows))


def _numbers(predictor: "Predictor", task: str) -> np.ndarray:
    """Return which outputs are numbers, and no probabilities, bool (outputs,)."""
    slots = getattr(predictor.head, "slots", ())
    found = [slot.task == "regression" for slot in slots for _ in range(slot.start, slot.end)]
    return np.array(found or [task == "regression"] * predictor.n_outputs)


def _scale(values: np.ndarray) -> np.ndarray:
    """Return the spread of each column over the rows; 1 where all is zero.

    A number in electronvolts and one in pascals are not held to one absolute tolerance.
    """
    spread = np.maximum(values.std(axis=0), MAGNITUDE * np.abs(values).max(axis=0))
    return np.where(spread > 0, spread, 1.0)


def verify(exporter: Exporter, path: Path, predictor: "Predictor", reference: Reference) -> dict[str, JsonValue]:
    """Load ``path`` back and compare all outputs in batches of several sizes.

    Returns:
        ``passed``, ``max_difference`` and ``tolerance`` (both in units of each output's spread over the rows, 1 for
        probabilities), ``max_difference_absolute`` (of the predictions, in their own unit), ``rows``, ``bytes``,
        ``latency_ms`` and ``torch_latency_ms`` by batch size; ``reason`` where it did not pass.
    """
    allowed = exporter.tolerance
    if exporter.format == "onnx":
        allowed = max(allowed, ROUNDED.get(predictor.stored, 0.0))
    compute = exporter.load(path, predictor)
    found = _in_batches(compute, reference.rows)
    problem = _shape_problem(found, reference.outputs)
    apart = [] if problem else [np.abs(a - b) for a, b in zip(found, reference.outputs, strict=True)]
    relative = max(
        (float((d / s).max(initial=0.0)) for d, s in zip(apart, reference.scales, strict=False)), default=None
    )
    if problem is None and not (relative is not None and relative <= allowed):
        worst = max(range(len(apart)), key=lambda i: float((apart[i] / reference.scales[i]).max(initial=0.0)))
        problem = f"{(*OUTPUTS, *predictor.head.names)[worst]} differs by {relative:.3g} of its spread, {allowed:g} is allowed"
    return {
        "passed": problem is None,
        "reason": problem,
        "max_difference": relative,
        "tolerance": allowed,
        "max_difference_absolute": float(apart[0].max(initial=0.0)) if apart else None,
        "rows": len(reference.rows),
        "bytes": path.stat().st_size,
        "latency_ms": latency(compute, reference.rows),
        "torch_latency_ms": reference.latency_ms,
    }


def _shape_problem(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> str | None:
    if [part.shape for part in found] != [part.shape for part in expected]:
        return f"outputs of shapes {[p.shape for p in found]}, torch gives {[p.shape for p in expected]}"
    finite = all(bool(np.isfinite(part).all()) for part in found)
    return None if finite else "an output is not finite where torch's is"


def _in_batches(compute: Compute, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Run the rows as a batch of one, a small one, and larger ones: a frozen batch size fails."""
    edges = [0, 1, *range(min(6, len(rows)), len(rows), 64), len(rows)]
    parts = [compute(rows[a:b]) for a, b in pairwise(edges) if b > a]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def latency(compute: Compute, rows: np.ndarray) -> dict[str, JsonValue]:
    """Return the median milliseconds a pass takes, by batch size."""
    found: dict[str, JsonValue] = {}
    for size in LATENCY_BATCHES:
        batch = np.ascontiguousarray(np.resize(rows, (size, *rows.shape[1:])))
        found[str(size)] = round(_median_ms(lambda batch=batch: compute(batch)), 4)  # type: ignore[misc]
    return found


def _median_ms(call: Callable[[], object]) -> float:
    call()  # the first pass allocates
    taken: list[float] = []
    begin = time.perf_counter()
    while not taken or (len(taken) < PASSES and time.perf_counter() - begin < SECONDS):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken)
