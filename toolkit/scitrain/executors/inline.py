"""Execute a run here and now."""

from typing import ClassVar

from scitrain.contracts.executor import Executor
from scitrain.contracts.operation import job_of
from scitrain.executors._stop import stop
from scitrain.runs import Run

__all__ = ["Inline"]


class Inline(Executor):
    """Works in the caller's own process and thread; `submit` returns when the run has ended."""

    name: ClassVar[str] = "inline"

    def submit(self, run: Run) -> None:
        """Execute the run; what it raises is raised here."""
        job_of(run).execute_recorded(run)

    def cancel(self, run: Run) -> None:
        """Stop a run of another process."""
        stop(run)

    def alive(self, run: Run) -> bool:
        """Tell whether a process holds the run's lock."""
        return run.alive()
