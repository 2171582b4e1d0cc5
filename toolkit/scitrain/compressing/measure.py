"""How large and how fast networks are, side by side."""

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scitrain.inference.backends import Compute

__all__ = ["MANY", "Speed", "deflated", "speeds"]

MANY = 256
"""Rows of a batch whose throughput is told."""
WARM_UP = 20
ROUNDS = 200
SECONDS = 2.0
"""Longest time for one batch size; slow networks take fewer turns."""


@dataclass(frozen=True)
class Speed:
    """What passes through a network take."""

    median_ms: float
    """One row after other work, as a row comes that somebody asks for: weights have left the near caches. Milliseconds."""
    p90_ms: float
    """The same: nine of ten passes take no longer."""
    again_ms: float
    """One row right after another, median, milliseconds."""
    rows_per_s: float
    """In batches of `MANY`."""


def speeds(computes: Mapping[str, Compute], rows: np.ndarray) -> dict[str, Speed]:
    """Time all networks on real ``rows`` (n, …) by turns, so that a machine that is busy is busy for each of them."""
    one, again = _turns(computes, rows, 1, ROUNDS, _other_work), _turns(computes, rows, 1, ROUNDS)
    many = _turns(computes, rows, MANY, ROUNDS // 20)
    return {
        name: Speed(
            median_ms=round(1e3 * float(np.median(taken)), 5),
            p90_ms=round(1e3 * float(np.quantile(taken, 0.9)), 5),
            again_ms=round(1e3 * float(np.median(again[name])), 5),
            rows_per_s=round(MANY / float(np.median(many[name])), 1),
        )
        for name, taken in one.items()
    }


SCRATCH = np.zeros(1 << 20)
"""8 MB, more than a core's own caches hold."""


def _other_work() -> None:
    np.add(SCRATCH, 1.0, out=SCRATCH)


def _turns(
    computes: Mapping[str, Compute], rows: np.ndarray, size: int, rounds: int, between: Callable[[], None] | None = None
) -> dict[str, list[float]]:
    batch = np.ascontiguousarray(np.resize(rows, (size, *rows.shape[1:])))
    for compute in computes.values():
        for _ in range(min(WARM_UP, rounds)):
            compute(batch)
    taken: dict[str, list[float]] = {name: [] for name in computes}
    begin = time.perf_counter()
    while not all(taken.values()) or (
        len(next(iter(taken.values()))) < rounds and time.perf_counter() - begin < SECONDS
    ):
        for name, compute in computes.items():
            if between is not None:
                between()
            start = time.perf_counter()
            compute(batch)
            taken[name].append(time.perf_counter() - start)
    return taken


def deflated(path: Path) -> int:
    """Return the bytes of a file in an archive such as the bundle's: zeros take no room there."""
    return len(zlib.compress(path.read_bytes(), 6))
