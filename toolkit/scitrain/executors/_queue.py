"""The queue of a workspace: which run works next, and on which CPUs or GPUs.

A run that waits has a ticket ``queue/<time>-<run id>``; the oldest ticket whose run is alive goes next, as soon as one
of the files ``queue/slot-<k>.lock`` can be locked. Both are freed by the kernel when a process dies, so that nothing
has to be cleaned up after a crash, and no server has to be there for the queue to move on.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from scitrain.errors import ScitrainError
from scitrain.locks import Lock
from scitrain.runs import RECORD, Run

__all__ = ["SLOTS_VARIABLE", "Slot", "cpus", "enqueue", "gpus", "leave", "slot", "slot_count", "threads"]

SLOTS_VARIABLE = "SCITRAIN_SLOTS"
CPUS_PER_RUN = 4
"""Small networks gain little from more threads than this, so that more CPUs serve more runs."""
LOOK_AGAIN_S = 0.1
"""Pause of the first in the queue; those further back look again proportionally later, at most every 2 s."""


@dataclass(frozen=True)
class Slot:
    """A share of the machine that one run has to itself."""

    index: int
    count: int
    """Slots in all."""
    why: str
    """How the number of slots was chosen."""
    threads: int | None
    """Threads of numerical libraries; None leaves them all CPUs, as where there is one slot."""
    gpus: tuple[str, ...]
    """GPUs that the run sees; empty on a machine without, or where all are seen."""

    def facts(self) -> dict[str, JsonValue]:
        """Return the share as it is recorded."""
        return {"slot": self.index, "of": self.count, "threads": self.threads, "gpus": list(self.gpus)}

    def environment(self) -> dict[str, str]:
        """Return the variables that hold a process to its GPUs; in force until a GPU library is first used."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {}


def cpus() -> int:
    """Return the number of CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> tuple[str, ...]:
    """Return the ids of the NVIDIA GPUs this process may use, found without loading a GPU library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in {"", "-1"})
    driver = Path("/proc/driver/nvidia/gpus")
    return tuple(str(i) for i in range(len(list(driver.iterdir())))) if driver.is_dir() else ()


def slot_count() -> tuple[int, str]:
    """Return how many runs work at once, and why.

    Raises:
        ScitrainError: ``SCITRAIN_SLOTS`` is no whole number from 1 on.
    """
    given = os.environ.get(SLOTS_VARIABLE)
    if given:
        if not given.isdigit() or int(given) < 1:
            raise ScitrainError(
                f"{SLOTS_VARIABLE}={given!r} is no whole number from 1 on; it says how many runs work at once"
            )
        return int(given), f"{SLOTS_VARIABLE}={given}"
    if gpus():
        return len(gpus()), f"one run for each of {len(gpus())} GPUs"
    if sys.platform == "darwin":
        return 1, "one run at a time, because all share one GPU"
    if cpus() < 2 * CPUS_PER_RUN:
        return 1, f"one run at a time on {cpus()} CPUs"
    return cpus() // CPUS_PER_RUN, f"one run for every {CPUS_PER_RUN} of {cpus()} CPUs"


def threads() -> int | None:
    """Return the threads of numerical libraries in each run; None leaves them all CPUs, as where there is one slot."""
    count, _ = slot_count()
    return None if count == 1 else max(1, cpus() // count)


def enqueue(run: Run) -> None:
    """Put a run at the end of the queue."""
    folder = _folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{time.time_ns():020d}-{run.id}").touch()


def leave(run: Run) -> None:
    """Take a run out of the queue."""
    for ticket in _tickets(run):
        if _run_id(ticket) == run.id:
            (_folder(run) / ticket).unlink(missing_ok=True)


@contextmanager
def slot(run: Run) -> Iterator[Slot]:
    """Wait for the run's turn and hold a slot; almost no CPU is used meanwhile."""
    try:
        lock, found = _wait(run)
    finally:
        leave(run)
    try:
        yield found
    finally:
        lock.release()


def _wait(run: Run) -> tuple[Lock, Slot]:
    told = -1
    # A run that came by an executor without a queue has no ticket: it waits for a free slot only.
    _folder(run).mkdir(parents=True, exist_ok=True)
    while True:
        ahead = _ahead(run)
        if ahead != told:
            run.progress("queued", message=f"waiting for a slot, {ahead} runs ahead" if ahead else "waiting for a slot")
            told = ahead
        if ahead == 0:
            for i in range(slot_count()[0]):
                lock = Lock.take(_folder(run) / f"slot-{i}.lock")
                if lock is not None:
                    return lock, _slot(i)
        time.sleep(min(2.0, LOOK_AGAIN_S * (1 + ahead)))


def _ahead(run: Run) -> int:
    """Return how many tickets stand before the run's own; the foremost is thrown away where its run is dead."""
    before = 0
    for ticket in _tickets(run):
        if _run_id(ticket) == run.id:
            break
        other = Run(run.workspace.runs / _run_id(ticket), run.workspace)
        if before == 0 and not ((other.path / RECORD).exists() and other.alive()):
            with suppress(FileNotFoundError):
                (_folder(run) / ticket).unlink()
        else:
            before += 1
    return before


def _slot(index: int) -> Slot:
    count, why = slot_count()
    seen = gpus()
    mine = () if count == 1 or not seen else seen[index::count] or (seen[index % len(seen)],)
    return Slot(index, count, why, threads(), mine)


def _tickets(run: Run) -> list[str]:
    """Return the tickets, the oldest first."""
    try:
        names = os.listdir(_folder(run))  # noqa: PTH208  # every waiting process does this again and again
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name[:1].isdigit())


def _run_id(ticket: str) -> str:
    return ticket.partition("-")[2]


def _folder(run: Run) -> Path:
    return run.workspace.root / "queue"
