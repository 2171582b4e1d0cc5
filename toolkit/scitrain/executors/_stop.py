"""Stop the process that works on a run, and never another one."""

import os
import time
from typing import TYPE_CHECKING

from scitrain.contracts.operation import stopped
from scitrain.errors import RunStateError
from scitrain.executors._queue import leave
from scitrain.runs import TERMINAL, Run

if TYPE_CHECKING:
    import psutil

__all__ = ["PATIENCE_S", "record_stop", "stop"]

PATIENCE_S = 10.0
"""How long a worker has to come to a safe point and record that it was cancelled, before it is killed."""
LOOK_S = 0.05
"""Pause between two looks at a process that is to end."""


def stop(run: Run, patience_s: float | None = None) -> None:
    """Ask the run's process to stop, kill it where it does not, and see that the record has an end state.

    Raises:
        RunStateError: The run works inside a program that cannot be stopped for it.
    """
    worker = _worker(run)
    if worker is not None:
        _end(worker, PATIENCE_S if patience_s is None else patience_s)
    record_stop(run)


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
    left = _wait(process, patience_s)
    for member in family if left else ():
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    if left:
        _wait(process, patience_s)


def _wait(process: "psutil.Process", patience_s: float) -> bool:
    """Wait for the end of a process; tells whether it works still.

    The system keeps an ended process until its starter, which may be another server, collects it: to wait until it is
    gone could take for ever.
    """
    import psutil

    deadline = time.monotonic() + patience_s
    while _works(process) and (left := deadline - time.monotonic()) > 0:
        psutil.wait_procs([process], timeout=min(LOOK_S, left))
    return _works(process)


def _works(process: "psutil.Process") -> bool:
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def record_stop(run: Run) -> None:
    """Record the end of a process that could not do so itself."""
    run.claim()
    try:
        if run.record().status not in TERMINAL:
            run.end("cancelled", error=stopped(run))
        leave(run)
    finally:
        run.release()
