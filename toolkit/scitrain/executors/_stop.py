"""Stop the process that works on a run, and never another one."""

import os
from typing import TYPE_CHECKING

from scitrain.contracts.operation import stopped
from scitrain.errors import RunStateError
from scitrain.executors._queue import leave
from scitrain.runs import TERMINAL, Run

if TYPE_CHECKING:
    import psutil

__all__ = ["PATIENCE_S", "stop"]

PATIENCE_S = 10.0
"""How long a worker has to come to a safe point and record that it was cancelled, before it is killed."""


def stop(run: Run, patience_s: float | None = None) -> None:
    """Ask the run's process to stop, kill it where it does not, and see that the record has an end state.

    Raises:
        RunStateError: The run works inside a program that cannot be stopped for it.
    """
    worker = _worker(run)
    if worker is not None:
        _end(worker, PATIENCE_S if patience_s is None else patience_s)
    _record(run)


def _worker(run: Run) -> "psutil.Process | None":
    """Return the process that holds the run's lock, or None where the lock is free."""
    import psutil

    while run.alive():
        pid = run.pid()
        if pid is None or pid == os.getpid():
            raise RunStateError(
                f"run {run.id!r} works inside another program (a Python session, a server's quick answer) or on another "
                "machine, and cannot be stopped from here; interrupt it there"
            )
        try:
            process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            continue
        # Held and announced still: the number was not reused between reading it and opening the process,
        # and from here psutil holds on to the very process by its start time.
        if run.alive() and run.pid() == pid:
            return process
    return None


def _end(process: "psutil.Process", patience_s: float) -> None:
    import psutil

    try:
        family = [process, *process.children(recursive=True)]
        process.terminate()
    except psutil.NoSuchProcess:
        return
    _, left = psutil.wait_procs([process], timeout=patience_s)
    for member in family if left else ():
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=patience_s)


def _record(run: Run) -> None:
    """Record the end of a process that could not do so itself."""
    run.claim()
    try:
        if run.record().status not in TERMINAL:
            run.end("cancelled", error=stopped(run))
        leave(run)
    finally:
        run.release()
