"""What every operation is: a validated request that knows how to run itself."""

import re
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from scitrain.errors import CancelledError, ScitrainError
from scitrain.provenance import provenance
from scitrain.runs import Decision, Progress, Run, Status, utc_now
from scitrain.spec import Spec
from scitrain.workspace import Workspace

__all__ = ["Job", "Operation", "Query", "Result", "Skill", "Started"]

Skill = Literal["any", "deep-learning", "transfer-learning", "materials-transformers"]


class Result(BaseModel):
    """What an operation hands back: numbers, words and paths, never tensors; always finite JSON."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    def summary(self) -> str:
        """Return the few lines a person in a chat reads; the whole is in the fields."""
        return "\n".join(f"{name}: {value}" for name, value in self.model_dump(mode="json", exclude_none=True).items())


class JobResult(Result):
    """What a job hands back."""

    run_id: str = ""
    """Run directory that holds the record and the artifacts."""
    next_step: str = ""
    """What to call next, with its arguments."""


class Started(JobResult):
    """What the caller of a background job gets at once."""

    status: Status = "queued"
    """State of the run now."""
    decisions: list[Decision] = []
    """Choices already made for the caller, and why."""
    eta_s: float | None = None
    """Rough expected duration in seconds; null where it cannot be known yet."""

    def summary(self) -> str:
        """Say what runs and how to follow it."""
        eta = f", about {self.eta_s:.0f} s" if self.eta_s is not None else ""
        return f"started {self.run_id} ({self.status}{eta}). Next: {self.next_step}"


class Operation(Spec):
    """One thing the toolkit does. Subclass `Query` or `Job` in a new file of ``scitrain/operations``."""

    skill: ClassVar[Skill] = "any"
    """Skill whose tools it belongs to."""
    title: ClassVar[str] = ""
    """Name a person reads; empty derives it from the class name."""

    @classmethod
    def name(cls) -> str:
        """Return the tool name, the class name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def result_type(cls) -> type[Result]:
        """Return the class that ``execute`` is annotated to return."""
        declared: type[Result] = cls.execute.__annotations__["return"]  # type: ignore[attr-defined]
        return declared

    @abstractmethod
    def run(self, workspace: Workspace | None = None) -> Result:
        """Do it now, in this process."""


class Query(Operation):
    """An operation that only reads: it answers at once and leaves no run behind."""

    @abstractmethod
    def execute(self, workspace: Workspace) -> Result:
        """Answer from what is on disk."""

    def run(self, workspace: Workspace | None = None) -> Result:
        """Answer now."""
        return self.execute(workspace or Workspace.from_environment())


class Job(Operation):
    """An operation that makes something: it writes a run directory."""

    background: ClassVar[bool] = True
    """True for work that a server starts in a process of its own and answers with `Started`."""

    @abstractmethod
    def execute(self, run: Run) -> JobResult:
        """Do the work, writing artifacts through ``run``; must be able to go on in a run that was interrupted."""

    def in_background(self) -> bool:
        """Tell whether a server starts this very request in a process of its own."""
        return self.background

    def check(self, workspace: Workspace) -> None:
        """Refuse in well under a second what cannot work, such as a file that is not there.

        Raises:
            ScitrainError: What is wrong, and what to do.
        """

    def parents(self) -> list[str]:
        """Return the ids of the runs this one builds on."""
        return []

    def eta_s(self, workspace: Workspace) -> float | None:
        """Return a rough expected duration in seconds, or None."""
        return None

    def create(self, workspace: Workspace) -> Run:
        """Check the request and make its queued run."""
        self.check(workspace)
        spec: dict[str, JsonValue] = self.model_dump(mode="json")
        return Run.create(self.name(), spec, workspace, self.parents())

    def run(
        self, workspace: Workspace | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> Any:  # the subclass's own result class; `Self`-dependent returns have no spelling
        """Execute now, in this process, and record the run; returns what ``execute`` returns."""
        run = self.create(workspace or Workspace.from_environment())
        run.on_progress = on_progress
        return self.execute_recorded(run)

    def execute_recorded(self, run: Run) -> JobResult:
        """Execute in ``run`` and record how it ended; the one place where a run changes to an end state by itself."""
        run.update(status="running", started=run.record().started or utc_now(), ended=None, error=None, provenance=provenance())
        begin = time.monotonic()
        try:
            result = self.execute(run).model_copy(update={"run_id": run.id})
        except (CancelledError, KeyboardInterrupt):
            run.update(status="cancelled", ended=utc_now(), error="stopped on request; resume_run goes on from the last checkpoint")
            raise
        except BaseException as error:
            run.update(status="failed", ended=utc_now(), error=_reason(error))
            raise
        timings = run.record().timings | {"total": round(time.monotonic() - begin, 3)}
        run.update(status="completed", ended=utc_now(), timings=timings, result=result.model_dump(mode="json"))
        return result


def _reason(error: BaseException) -> str:
    """Return the message as it stands where it was written for the user, else with the type and where to look."""
    if isinstance(error, ScitrainError):
        return str(error)
    return f"{type(error).__name__}: {error} (unexpected: log.txt in the run directory has the trace)"
