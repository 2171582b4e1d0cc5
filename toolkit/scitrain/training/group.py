"""Processes that compute together: how they meet, hear of work, and learn that one of them is lost."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed as dist
from torch.distributed import distributed_c10d as c10d

from scitrain.errors import ScitrainError
from scitrain.locks import Lock, is_held
from scitrain.runs import Run, atomic_write
from scitrain.training.places import Place

__all__ = ["FOLDER", "Group", "current_group", "joined"]

FOLDER = "checkpoints/processes"
PATIENCE_VARIABLE = "SCITRAIN_PROCESS_PATIENCE_S"
PATIENCE_S = 600.0
"""Longest time the processes wait for one another, to come and at each step."""
LOOK_S = 1.0
NOTE_S = 3.0
"""How long a note or a freed lock of a process that ended may take to be seen."""
GOODBYE_S = 10.0


class Group:
    """This process and the others, joined by a store that the first one (or torchrun) keeps.

    Each holds the lock of a file below the run, so that the kernel, and not a clock, says whether it lives. Locks that the
    first process does not see held at the meeting, as on file systems that keep locks to each machine, tell nothing.
    """

    def __init__(self, place: Place, run: Run) -> None:
        self.place, self.run = place, run
        self.patience = timedelta(seconds=float(os.environ.get(PATIENCE_VARIABLE) or PATIENCE_S))
        self.jobs = 0
        folder = run.path / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._note(place.rank).unlink(missing_ok=True)
        self._lock = Lock.take(self._lock_file(place.rank))
        self.store = self._meet()
        self._watched = [r for r in range(place.world) if r != place.rank and is_held(self._lock_file(r))]
        self._abort_when_lost()

    def announce(self, job: Path) -> None:
        """Tell the others what to train; only the first process does so."""
        self.store.set(f"job/{self.jobs}", str(job))
        self.jobs += 1

    def work(self) -> Iterator[Path]:
        """Yield what the first process announces, until it says goodbye.

        Raises:
            ScitrainError: The first process is gone.
        """
        while True:
            said = self._next()
            if not said:
                self.store.set(f"left/{self.place.rank}", "")
                return
            yield Path(said)

    def goodbye(self) -> None:
        """Let the others go, where this is the first process, and wait until they have heard it: the store ends with it."""
        if self.place.rank == 0:
            with suppress(RuntimeError):
                self.store.set(f"job/{self.jobs}", "")
                gone = [f"left/{rank}" for rank in range(1, self.place.world) if rank not in self._lost()]
                self.store.wait(gone, timedelta(seconds=GOODBYE_S))

    def leave(self) -> None:
        """Free everything; others who wait for this process in an exchange get an error."""
        self._left.set()
        if dist.is_initialized():
            dist.destroy_process_group()
        if self._lock is not None:
            self._lock.release()

    def note(self, reason: str) -> None:
        """Leave word why this process ends, for the first one to tell."""
        atomic_write(self._note(self.place.rank), reason)

    def lost(self, wait_s: float = 0.0) -> str | None:
        """Return a sentence on the processes that ended or failed; None where none did."""
        end = time.monotonic() + wait_s
        while not (found := self._lost()) and time.monotonic() < end:
            time.sleep(LOOK_S / 10)
        if not found:
            return None
        return "; ".join(f"process {rank} of {self.place.world} {why}" for rank, why in found.items())

    def explained(self, error: BaseException) -> ScitrainError | None:
        """Return what a failed exchange means, or a launcher's SIGTERM once a process was lost; None for any other error."""
        text = str(error)
        waited = any(word in text.lower() for word in ("timed out", "timeout"))
        exchange = isinstance(error, dist.DistError) or any(
            word in text for word in ("gloo", "Gloo", "NCCL", "TCPStore")
        )
        lost = self.lost(NOTE_S if exchange else 0.0)
        if lost is not None:
            return ScitrainError(
                f"{lost}; the others cannot go on without it: resume_run goes on from the last checkpoint"
            )
        if exchange:
            why = f"waited longer than {self.patience.total_seconds():g} s" if waited else "lost touch"
            return ScitrainError(
                f"the {self.place.world} processes {why} while exchanging gradients ({text.splitlines()[0]}); look at the machines and "
                f"the network between them, set {PATIENCE_VARIABLE} higher where one is slow; resume_run goes on from the last checkpoint"
            )
        return None

    def _meet(self) -> c10d.Store:
        place = self.place
        try:
            store = dist.TCPStore(  # type: ignore[attr-defined]
                place.address,
                place.port,
                is_master=place.rank == 0 and not place.agent_store,
                timeout=self.patience,
                wait_for_workers=False,
            )
            mine = c10d.PrefixStore("scitrain", store)
            mine.set(f"here/{place.rank}", "")
            self._wait_for_all(mine)
        except dist.DistError as error:
            raise ScitrainError(
                f"process {place.rank} of {place.world} did not reach the first one at {place.address}:{place.port} "
                f"({str(error).splitlines()[0]}); it must be a machine and a free port that all can reach (MASTER_ADDR, MASTER_PORT)"
            ) from error
        if torch.cuda.is_available():
            torch.cuda.set_device(place.local_rank % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(
            backend,
            store=c10d.PrefixStore("torch", mine),
            rank=place.rank,
            world_size=place.world,
            timeout=self.patience,
        )
        return mine

    def _wait_for_all(self, store: c10d.Store) -> None:
        try:
            store.wait([f"here/{rank}" for rank in range(self.place.world)], self.patience)
        except dist.DistStoreError:
            missing = [rank for rank in range(self.place.world) if not store.check([f"here/{rank}"])]
            raise ScitrainError(
                f"of {self.place.world} processes, {missing} did not come within {self.patience.total_seconds():g} s; "
                f"see their output, and the queue of the cluster; {PATIENCE_VARIABLE} sets the time"
            ) from None

    def _next(self) -> str:
        key = f"job/{self.jobs}"
        while True:
            try:
                self.store.wait([key], timedelta(seconds=5 * LOOK_S))
                self.jobs += 1
                return str(self.store.get(key).decode())
            except dist.DistStoreError:
                lost = 0 in self._lost()
            except dist.DistNetworkError:
                lost = True
            if lost:
                raise ScitrainError("the first process is gone; its record says why, where it could")

    def _lost(self) -> dict[int, str]:
        found = {}
        for rank in range(self.place.world):
            if rank != self.place.rank and self._note(rank).is_file():
                found[rank] = "failed: " + self._note(rank).read_text(encoding="utf-8")
            elif rank in self._watched and not is_held(self._lock_file(rank)):
                found[rank] = "ended without a word (killed, out of memory, or its machine is gone)"
        return found

    def _abort_when_lost(self) -> None:
        """Where NCCL would wait for a lost process until its time is over, end the exchange at once; gloo does that itself."""
        self._left = threading.Event()
        if torch.cuda.is_available():
            threading.Thread(target=self._watch, daemon=True, name="scitrain-group").start()

    def _watch(self) -> None:
        while not self._left.wait(LOOK_S):
            if self._lost():
                c10d._abort_process_group()
                return

    def _lock_file(self, rank: int) -> Path:
        return self.run.path / FOLDER / f"{rank}.lock"

    def _note(self, rank: int) -> Path:
        return self.run.path / FOLDER / f"{rank}.failed"


def current_group() -> Group | None:
    """Return the group that this process has joined, or None."""
    return _joined[-1] if _joined else None


@contextmanager
def joined(place: Place, run: Run) -> Iterator[Group]:
    """Be one of the processes of ``place``, all of which call this with the same run.

    Raises:
        ScitrainError: The others did not come, or one was lost.
    """
    group = Group(place, run)
    _joined.append(group)
    try:
        yield group
        group.goodbye()
    finally:
        _joined.pop()
        group.leave()


_joined: list[Group] = []
