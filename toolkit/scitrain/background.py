"""Start a job in a process of its own."""

from scitrain.contracts.operation import Job, Started
from scitrain.executors import EXECUTORS
from scitrain.workspace import Workspace

__all__ = ["start"]


def start(job: Job, workspace: Workspace, executor: str = "local") -> Started:
    """Check ``job``, write its record, hand it to an executor, and say how to follow it.

    Raises:
        ScitrainError: The request cannot work; no run was made.
    """
    run = job.create(workspace)
    try:
        EXECUTORS[executor].submit(run)
    except BaseException as error:
        run.update(status="failed", error=f"could not be started: {error}")
        raise
    record = run.record()
    return Started(
        run_id=run.id,
        status=record.status,
        decisions=record.decisions,
        eta_s=job.eta_s(workspace),
        next_step=f"get_run(run_id={run.id!r}, wait_s=45) until its status is completed",
    )
