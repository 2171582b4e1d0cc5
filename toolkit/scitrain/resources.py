"""What this machine offers, and which of it a run takes, with the reason."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from scitrain.errors import ScitrainError

__all__ = ["available_memory", "choose_device", "choose_precision", "cpu_count", "torch_threads"]

CGROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60
"""Version-1 control groups say "no limit" as a number near 2⁶³."""

Precision = Literal["32", "bf16"]


def cpu_count(cgroups: Path = CGROUPS) -> int:
    """Return how many CPUs this process may use: the least of affinity mask and control-group quota, never below 1."""
    mask = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroups)
    return max(1, min(mask, math.ceil(quota) if quota else mask))


def available_memory(cgroups: Path = CGROUPS) -> int:
    """Return the bytes that may still be taken: the least of free memory and what the control group has left."""
    import psutil

    free = int(psutil.virtual_memory().available)
    pairs = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    for limit_name, used_name in pairs:
        limit, used = _number(cgroups / limit_name), _number(cgroups / used_name)
        if limit is not None and used is not None and limit < NO_LIMIT:
            free = min(free, max(0, int(limit - used)))
    return free


def choose_device(requested: str = "auto") -> tuple[str, str]:
    """Return a torch device (``cpu``, ``cuda``, ``mps``) and why.

    Raises:
        ScitrainError: The requested device is not there.
    """
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if requested != "auto":
        if not found.get(requested, False):
            there = ", ".join(name for name, present in found.items() if present)
            raise ScitrainError(
                f"device={requested!r} was asked for, but torch finds only: {there}; take one of these, or 'auto'"
            )
        return requested, "asked for"
    if found["cuda"]:
        return "cuda", f"{torch.cuda.get_device_name(0)} found"
    if found["mps"]:
        return "mps", "Apple GPU found"
    return "cpu", f"no GPU found; {cpu_count()} CPU cores"


def choose_precision(device: str, requested: str = "auto") -> tuple[Precision, str]:
    """Return the arithmetic of the forward pass on ``device``, and why."""
    if requested in ("32", "bf16"):
        return ("bf16" if requested == "bf16" else "32"), "asked for"
    if device != "cuda":
        return "32", f"on {device} mixed precision gains little and costs digits"
    import torch

    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16", "the GPU computes bfloat16 natively; weights stay in float32"
    return "32", "the GPU has no native bfloat16"


@contextmanager
def torch_threads(threads: int | None = None) -> Iterator[int]:
    """Let torch use as many threads as there are CPUs for this process, and put the old number back at the end.

    Torch counts the machine's cores; in a container with a quota its threads then fight for a few of them.
    """
    import torch

    before = torch.get_num_threads()
    wanted = min(before, cpu_count()) if threads is None else threads
    torch.set_num_threads(wanted)
    try:
        yield wanted
    finally:
        torch.set_num_threads(before)


def _quota(cgroups: Path) -> float | None:
    """Return the CPU quota in cores, from version 2 or version 1 of the control groups."""
    unified = cgroups / "cpu.max"
    if unified.is_file():
        quota, _, period = unified.read_text(encoding="ascii").partition(" ")
        return None if quota == "max" else float(quota) / float(period or 100_000)
    share, period_us = _number(cgroups / "cpu/cpu.cfs_quota_us"), _number(cgroups / "cpu/cpu.cfs_period_us")
    return share / period_us if share and period_us and share > 0 else None


def _number(path: Path) -> float | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return float(text) if text.lstrip("-").isdigit() else None
