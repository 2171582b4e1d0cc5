"""Repeated passes, and what is said of them."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scitrain.profiling.stopwatch import Stopwatch
from scitrain.spec import Spec

__all__ = ["Timing", "repeated"]

WARM_UP = 2
FEWEST, MOST = 3, 500
"""Passes: the time of a measurement is exceeded for the fewest, and not used up beyond the most."""


class Timing(Spec):
    """What passes of one kind took, warm-up left out."""

    rows: int
    """Rows of a pass."""
    passes: int
    p50_ms: float
    """Half of the passes took no longer."""
    p90_ms: float
    p99_ms: float
    """Of fewer than a hundred passes little more than the slowest."""
    rows_per_s: float
    """Rows of all passes over their time."""
    parts_ms: dict[str, float]
    """Mean milliseconds of each part of a pass, the rest as `other`; they add up to the mean pass."""
    memory_mb: float
    """Growth of the process's resident memory during the passes, at its highest."""
    gpu_memory_mb: float | None = None
    """Most allocated on the GPU."""

    @classmethod
    def of(
        cls, rows: int, seconds: Sequence[float], parts: Mapping[str, float], memory: tuple[float, float | None]
    ) -> "Timing":
        """Sum up passes of ``rows`` rows, their ``seconds`` and the seconds of their parts in all."""
        p50, p90, p99 = (1000 * float(v) for v in np.percentile(seconds, [50, 90, 99]))
        n = len(seconds)
        each = {name: 1000 * taken / n for name, taken in parts.items()}
        rest = max(0.0, 1000 * sum(seconds) / n - sum(each.values()))
        return cls(
            rows=rows,
            passes=n,
            p50_ms=_digits(p50),
            p90_ms=_digits(p90),
            p99_ms=_digits(p99),
            rows_per_s=_digits(rows * n / sum(seconds)),
            parts_ms={name: _digits(value) for name, value in (each | {"other": rest}).items()},
            memory_mb=round(memory[0], 2),
            gpu_memory_mb=None if memory[1] is None else round(memory[1], 2),
        )


def repeated(step: Callable[[int], None], watch: Stopwatch, seconds: float) -> tuple[list[float], dict[str, float]]:
    """Call ``step`` with the number of the pass until ``seconds`` are over; returns the seconds of each pass, and those of its parts."""
    begin = time.perf_counter()
    for number in range(WARM_UP):
        if number == 0 or time.perf_counter() - begin < seconds:
            step(number)
    watch.taken()
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < FEWEST or (len(taken) < MOST and time.perf_counter() - begin < seconds):
        start = time.perf_counter()
        step(WARM_UP + len(taken))
        taken.append(time.perf_counter() - start)
    return taken, watch.taken()


def _digits(value: float) -> float:
    return float(f"{value:.5g}")
