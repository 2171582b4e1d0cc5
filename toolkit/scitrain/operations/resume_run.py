"""Go on with a run that did not complete."""

from typing import ClassVar

from scitrain.contracts.executor import Executor
from scitrain.contracts.operation import Action, OnProgress, Started, job_of
from scitrain.overview import next_step
from scitrain.reconcile import current
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["ResumeRun"]


class ResumeRun(Action):
    """Go on with a run that was interrupted, failed or cancelled: same request, same run id, from its last checkpoint.

    Answers at once like the tool that started it. A run that is queued, running or completed is left as it is.
    """

    title: ClassVar[str] = "Go on with a run"
    idempotent: ClassVar[bool] = True

    run_id: str
    """Id of the run."""

    def execute(self, workspace: Workspace) -> Started:
        """Go on here and now."""
        return self._go_on(workspace, None, None)

    def run(self, workspace: Workspace | None = None, on_progress: OnProgress | None = None) -> Started:
        """Go on here and now, telling each step of progress."""
        return self._go_on(workspace or Workspace.from_environment(), None, on_progress)

    def start(self, workspace: Workspace, executor: Executor, on_progress: OnProgress | None = None) -> Started:
        """Go on through ``executor`` and answer at once."""
        return self._go_on(workspace, executor, on_progress)

    def _go_on(self, workspace: Workspace, executor: Executor | None, on_progress: OnProgress | None) -> Started:
        run = Run.open(self.run_id, workspace)
        run.on_progress = on_progress
        if current(run).status in {"queued", "running", "completed"}:
            return _state(run)
        job = job_of(run)
        behind = executor if executor is not None and job.in_background() else None
        if not run.requeue("inline" if behind is None else behind.name):
            return _state(run)
        if behind is None:
            job.execute_recorded(run)
            return _state(run)
        behind.submit(run)
        return Started.of(run, job.eta_s(workspace))


def _state(run: Run) -> Started:
    return Started.of(run).model_copy(update={"next_step": next_step(run.record())})
