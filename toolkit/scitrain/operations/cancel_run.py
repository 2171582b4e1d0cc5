"""Stop a run."""

from typing import ClassVar

from scitrain.contracts.operation import Action, Result
from scitrain.errors import UnknownNameError
from scitrain.executors import EXECUTORS
from scitrain.overview import next_step
from scitrain.reconcile import current
from scitrain.runs import TERMINAL, Run, Status
from scitrain.workspace import Workspace

__all__ = ["CancelRun", "Stopped"]


class Stopped(Result):
    """How the run stands after it was asked to stop."""

    run_id: str
    status: Status
    """`cancelled`, or the state in which it had ended before."""
    message: str
    next_step: str
    """What to call next, with its arguments."""

    def summary(self) -> str:
        """Say it in a line."""
        return f"{self.run_id}: {self.message}. Next: {self.next_step}"


class CancelRun(Action):
    """Stop a run that is queued or running; what it wrote so far is kept, and resume_run can go on from it.

    A worker has ten seconds to stop by itself. A run that has ended already is left as it is.
    """

    title: ClassVar[str] = "Stop a run"
    destructive: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    run_id: str
    """Id of the run."""

    def execute(self, workspace: Workspace) -> Stopped:
        """Stop it through the executor that takes care of it."""
        run = Run.open(self.run_id, workspace)
        record = current(run)
        if record.status in TERMINAL:
            message = f"it had ended already ({record.status}); nothing was stopped"
        else:
            if record.executor not in EXECUTORS:
                raise UnknownNameError("executor", record.executor, sorted(EXECUTORS))
            EXECUTORS[record.executor].cancel(run)
            record = run.record()
            ended = "stopped" if record.status == "cancelled" else f"it ended by itself meanwhile ({record.status})"
            message = ended
        return Stopped(run_id=run.id, status=record.status, message=message, next_step=next_step(record))
