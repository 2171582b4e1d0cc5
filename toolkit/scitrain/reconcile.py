"""Tell apart the runs that somebody works on from those that only say so."""

from scitrain.errors import RunStateError
from scitrain.executors import EXECUTORS
from scitrain.executors._queue import leave
from scitrain.runs import TERMINAL, Run, RunRecord, run_ids
from scitrain.workspace import Workspace

__all__ = ["current", "reconcile"]


def current(run: Run) -> RunRecord:
    """Return the record as it is true now: a run that says it works, but has no process, is ``interrupted``.

    That is written to the record too, except where the disk is full or read-only.
    """
    record = run.record()
    if record.status in TERMINAL:
        return record
    executor = EXECUTORS.get(record.executor)
    if executor is None or executor.alive(run):
        return record
    return _interrupt(run)


def reconcile(workspace: Workspace) -> list[str]:
    """Mark every run whose process is gone, and return their ids; a server does this when it starts."""
    found = []
    for run_id in run_ids(workspace):
        run = Run(workspace.runs / run_id, workspace)
        try:
            before = run.record().status
            if before not in TERMINAL and current(run).status == "interrupted":
                found.append(run_id)
        except (FileNotFoundError, RunStateError):
            continue
    return found


def _interrupt(run: Run) -> RunRecord:
    try:
        run.claim()
    except RunStateError:
        return run.record()
    try:
        # Under the lock nobody else writes: the worker may have ended properly since the record was read.
        record = run.record()
        if record.status in TERMINAL:
            return record
        run.end("interrupted", error=lost(run))
        leave(run)
        return run.record().model_copy(update={"status": "interrupted", "error": lost(run)})
    finally:
        run.release()


def lost(run: Run) -> str:
    """Return what an interrupted run says about itself."""
    return (
        "its process ended without a word (killed, out of memory, or the machine was restarted); "
        f"resume_run(run_id={run.id!r}) goes on from the last checkpoint"
    )
