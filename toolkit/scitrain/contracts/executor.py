"""What a way to execute a queued run offers."""

from abc import ABC, abstractmethod
from typing import ClassVar

from scitrain.runs import Run

__all__ = ["Executor"]


class Executor(ABC):
    """One way to execute runs. Subclass it in a new file of ``scitrain/executors``.

    A run handed to `submit` is claimed: its lock is held (see `Run.claim`). `submit` passes the claim on to whatever
    process does the work, so that there is no moment in which a run that is cared for looks abandoned.
    """

    name: ClassVar[str]

    @abstractmethod
    def submit(self, run: Run) -> None:
        """Make sure that the queued ``run`` is executed; returns at once where the work happens elsewhere."""

    @abstractmethod
    def cancel(self, run: Run) -> None:
        """Ask the process of ``run`` to stop, and see to it that it does; its record then has an end state.

        Raises:
            RunStateError: It runs where nobody can stop it from here.
        """

    @abstractmethod
    def alive(self, run: Run) -> bool:
        """Tell whether some process still works, or waits to work, on ``run``."""
