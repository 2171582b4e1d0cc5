"""torch's profiler: a table by operator, and a trace that Perfetto opens."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from scitrain.runs import Run, atomic_write
from scitrain.spec import Spec

__all__ = ["TABLE", "TRACE", "Operator", "traced"]

TRACE = "results/trace.json.gz"
TABLE = "results/profile_table.txt"
ROWS = 40
TOP = 10
SILENT = "99"


class Operator(Spec):
    """One operator over all passes that were traced."""

    name: str
    calls: int
    self_ms: float
    """Without the operators it calls; on the GPU where there is one."""
    share: float
    """Of all operators."""


def traced(run: Run, work: Callable[[], None], device: str) -> list[Operator]:
    """Do ``work`` under torch's profiler, write ``TRACE`` and ``TABLE``, and return the operators that take most."""
    os.environ.setdefault(
        "KINETO_LOG_LEVEL", SILENT
    )  # torch's profiler speaks to the terminal of its comings and goings
    gpu = [ProfilerActivity.CUDA] if device == "cuda" else []
    with profile(activities=[ProfilerActivity.CPU, *gpu], profile_memory=True, acc_events=True) as found:
        work()
    raw = run.file("results/.trace.json")
    try:
        found.export_chrome_trace(str(raw))
        _pack(raw, run.file(TRACE))
    finally:
        raw.unlink(missing_ok=True)
    averages = found.key_averages()
    key = "self_device_time_total" if gpu else "self_cpu_time_total"
    atomic_write(run.file(TABLE), averages.table(sort_by=key, row_limit=ROWS) + "\n")
    operators = [event for event in averages if not event.is_user_annotation]
    whole = sum(getattr(event, key) for event in operators) or 1.0
    operators.sort(key=lambda event: -getattr(event, key))
    return [
        Operator(
            name=e.key, calls=e.count, self_ms=round(getattr(e, key) / 1000, 4), share=round(getattr(e, key) / whole, 4)
        )
        for e in operators[:TOP]
    ]


def _pack(source: Path, target: Path) -> None:
    """Compress a trace, without the names of this machine and of the place where torch wrote it."""
    content = json.loads(source.read_bytes())
    content = {key: value for key, value in content.items() if key not in {"host_name", "traceName"}}
    atomic_write(target, gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))
