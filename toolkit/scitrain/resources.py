"""What this machine offers, and which of it a run takes, with the reason."""

import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scitrain.errors import ScitrainError

__all__ = ["PeakMemory", "SpareMemory", "available_memory", "choose_device", "cpu_count", "give_back", "torch_threads"]

CGROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60
"""Version-1 control groups say "no limit" as a number near 2⁶³."""
PROCESS = Path("/proc/self")
FORGET_PEAK = "5"
"""Written to ``clear_refs``: the kernel's record of the most resident memory starts anew (proc(5))."""
GROWN = 1.25
"""Times the memory that was resident before, from which spare memory is looked for."""


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


class PeakMemory:
    """Most memory since `reset`, in bytes: resident of this process, and allocated by torch on a CUDA device.

    Where the kernel keeps no such record (it is Linux's), the resident memory is that of the moment of `read`.
    """

    def __init__(self, device: str = "cpu", process: Path = PROCESS) -> None:
        self.gpu = device == "cuda"
        self.process = process
        self.kept = False
        self.reset()

    def reset(self) -> None:
        """Forget what was."""
        try:
            (self.process / "clear_refs").write_text(FORGET_PEAK, encoding="ascii")
            self.kept = True
        except OSError:
            self.kept = False
        if self.gpu:
            import torch

            torch.cuda.reset_peak_memory_stats()

    def read(self) -> tuple[int, int | None]:
        """Return the peaks; None without a CUDA device."""
        if not self.gpu:
            return self._resident(), None
        import torch

        return self._resident(), int(torch.cuda.max_memory_allocated())

    def _resident(self) -> int:
        if self.kept:
            for line in (self.process / "status").read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return _resident()


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def give_back() -> None:
    """Let the C library return freed memory to the system, where it is one that keeps it (glibc): what is taken next then shows."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


class SpareMemory:
    """Gives freed memory back whenever this process has grown by a quarter.

    What batches of many lengths leave in the C library's heap are holes that fit no later batch: fine-tuning a network of 22 million
    numbers on 8,000 texts grew to 7 GiB; on 960 texts it falls back below 2 within 60 steps instead of growing to 2.7.
    """

    def __init__(self, resident: Callable[[], int] | None = None, free: Callable[[], None] = give_back) -> None:
        self.resident, self.free = resident or _resident, free
        self.before = self.resident()

    def give_back(self) -> None:
        """Look, and give back what is free."""
        if self.resident() > GROWN * self.before:
            self.free()
            self.before = self.resident()


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
