"""A run that another one works on, on its way: its parent."""

from scitrain.contracts.operation import job_of
from scitrain.errors import RunNotFoundError
from scitrain.runs import TERMINAL, Progress, Run

__all__ = ["reopened", "worked"]


def reopened(run_id: str, parent: Run) -> Run | None:
    """Return a run that ``parent`` has begun before, ready to go on; None where it is gone."""
    try:
        child = Run.open(run_id, parent.workspace)
    except RunNotFoundError:
        return None
    if child.record().status not in TERMINAL and not child.alive():
        child.claim()
        child.end("interrupted", error=f"the run {parent.id} that worked on it was interrupted")
        child.release()
    child.requeue("inline")
    return child


def worked(child: Run, parent: Run, what: str) -> Run:
    """Execute a queued run here, its progress told as the parent's own behind ``what``; one that is done is taken.

    Raises:
        ScitrainError: The child failed.
        CancelledError: Somebody asked it to stop.
    """
    if child.record().status == "completed":
        return child
    child.on_progress = lambda step: _pass_on(step, parent, what)
    job_of(child).execute_recorded(child)
    return child


def _pass_on(step: Progress, parent: Run, what: str) -> None:
    parent.progress(step.stage, step.done, step.total, f"{what}: {step.message}" if step.message else what)
