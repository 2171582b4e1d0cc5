"""A new executor: a worker of its own, whose end is waited for, as a batch system's blocking submit does."""

import subprocess
import sys
from typing import ClassVar

from scitrain.contracts.executor import Executor
from scitrain.runs import Run

__all__ = ["Patient"]


class Patient(Executor):
    """Starts the worker and returns when it has ended."""

    name: ClassVar[str] = "patient"

    def submit(self, run: Run) -> None:
        """Let a worker take the run over, and wait for it."""
        run.release()
        subprocess.run([sys.executable, "-m", "scitrain.worker", str(run.path)], check=True)

    def cancel(self, run: Run) -> None:
        """Do nothing: whoever could ask waits in `submit`."""

    def alive(self, run: Run) -> bool:
        """Tell whether a process holds the run's lock."""
        return run.alive()
