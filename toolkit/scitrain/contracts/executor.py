"""What a way to execute a queued run offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

from scitrain.errors import ScitrainError
from scitrain.request import parse
from scitrain.runs import Run
from scitrain.spec import Spec

__all__ = ["Executor"]


class Executor(ABC):
    """One way to execute runs. Subclass it in a new file of ``scitrain/executors``.

    A run handed to `submit` is claimed: its lock is held (see `Run.claim`). `submit` passes the claim on to whatever
    process does the work, so that there is no moment in which a run that is cared for looks abandoned.
    """

    name: ClassVar[str]
    options_type: ClassVar[type[Spec] | None] = None
    """Class of what can be set, such as how many machines; on the command line ``--NAME.FIELD``."""

    def __init__(self, options: Spec | None = None) -> None:
        self.given = options

    def configured(self, given: Mapping[str, object]) -> Self:
        """Return this executor with options of its ``options_type``.

        Raises:
            RequestError: There are no such options, or a value does not fit.
        """
        if self.options_type is None:
            if given:
                raise ScitrainError(f"executor {self.name!r} takes no options (given {', '.join(given)})")
            return self
        return type(self)(parse(self.options_type, given))

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
