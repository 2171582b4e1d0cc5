"""What every operation is: a validated request that knows how to run itself."""

import errno
import os
import re
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal, Protocol, TypeVar, cast

from pydantic import ConfigDict, GetJsonSchemaHandler, JsonValue, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from scitrain.cancellation import cancel_on_sigterm, stops_on_sigterm
from scitrain.contracts.executor import Executor
from scitrain.declared import Declared
from scitrain.discovery import load_plugins, plugins
from scitrain.errors import CancelledError, RunStateError, ScitrainError, UnknownNameError
from scitrain.provenance import provenance
from scitrain.runs import Decision, Progress, Run, Status, utc_now
from scitrain.spec import Spec
from scitrain.workspace import Workspace

__all__ = [
    "NO_SPACE",
    "Action",
    "Immediate",
    "Job",
    "JobResult",
    "OnProgress",
    "Operation",
    "Query",
    "Result",
    "Skill",
    "Started",
    "job_of",
    "reason_of",
    "stopped",
]

Skill = Literal["any", "deep-learning", "transfer-learning", "materials-transformers"]
OnProgress = Callable[[Progress], None]
"""Told of each step of progress."""


class Result(Declared):
    """What an operation hands back: numbers, words and paths, never tensors; always finite JSON."""

    model_config = ConfigDict(frozen=True)

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return what a terminal shows as tables above the summary, by title: each list of records."""
        fields = self.model_dump(mode="json", exclude_none=True).items()
        records = {name: value for name, value in fields if isinstance(value, list) and value and _all_records(value)}
        return {name.replace("_", " "): rows for name, rows in records.items()}

    def summary(self) -> str:
        """Return the few lines a person in a chat reads; the whole is in the fields."""
        return "\n".join(f"{name}: {value}" for name, value in self.model_dump(mode="json", exclude_none=True).items())


R_co = TypeVar("R_co", bound=Result, covariant=True)


class _Answers(Protocol[R_co]):
    """Gives `Immediate.run` the very result class of the subclass."""

    def execute(self, workspace: Workspace) -> R_co: ...

    def wait(self, workspace: Workspace, on_progress: OnProgress | None = None) -> None: ...


class _Makes(Protocol[R_co]):
    """Gives `Job.run` the very result class of the subclass."""

    def execute(self, run: Run) -> R_co: ...


def _all_records(values: list[JsonValue]) -> bool:
    return all(isinstance(value, dict) for value in values)


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
    """What was chosen, and why."""
    eta_s: float | None = None
    """Seconds it may take."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Name the fields and their types: every tool that works in the background has this schema, and get_run's tells the rest."""
        said = handler.resolve_ref_schema(handler(schema))
        for name, field in said["properties"].items():
            said["properties"][name] = {key: value for key, value in field.items() if key in ("type", "items")}
        return said

    @classmethod
    def of(cls, run: Run, eta_s: float | None = None) -> "Started":
        """Describe a run that somebody takes care of now."""
        record = run.record()
        follow = f"get_run(run_id={run.id!r}, wait_s=45)"
        return cls(run_id=run.id, status=record.status, decisions=record.decisions, eta_s=eta_s, next_step=follow)

    def summary(self) -> str:
        """Say what runs and how to follow it."""
        eta = f", about {self.eta_s:.0f} s" if self.eta_s is not None else ""
        chosen = [f"- {choice.what} = {choice.value}: {choice.why}" for choice in self.decisions]
        return "\n".join([f"{self.run_id} is {self.status}{eta}. Next: {self.next_step}", *chosen])


class Operation(Spec):
    """One thing the toolkit does. Subclass `Query`, `Action` or `Job` in a new file of ``scitrain/operations``.

    A face (server, command line) calls `start` on any of them; Python users call `run`.
    """

    skill: ClassVar[Skill] = "any"
    """Skill whose tools it belongs to."""
    title: ClassVar[str] = ""
    """Name a person reads; empty derives it from the class name."""
    read_only: ClassVar[bool] = False
    """True where nothing on disk is changed."""
    destructive: ClassVar[bool] = False
    """True where something that was going on, or was there, may be lost."""
    idempotent: ClassVar[bool] = False
    """True where asking twice is as good as asking once."""
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset()
    """Arguments that the tool's schema only names, for a host keeps all schemas in mind; list_models(tool=…) explains them."""
    unnamed: ClassVar[frozenset[str]] = frozenset()
    """Arguments of train_model that this tool takes as well, and its schema does not even name."""

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
    def run(self, workspace: Workspace | None = None, on_progress: OnProgress | None = None) -> Result:
        """Do it now, in this process."""

    def start(self, workspace: Workspace, executor: Executor, on_progress: OnProgress | None = None) -> Result:
        """Do it as a server does: what is long goes to ``executor`` and answers `Started`, the rest is done now."""
        return self.run(workspace, on_progress)


class Immediate(Operation):
    """An operation that answers at once and leaves no run of its own behind."""

    @abstractmethod
    def execute(self, workspace: Workspace) -> Result:
        """Answer from what is on disk."""

    def wait(self, workspace: Workspace, on_progress: OnProgress | None = None) -> None:
        """Wait, before `execute`, for what the request asked to wait for; by default for nothing."""

    def run(self: "_Answers[R_co]", workspace: Workspace | None = None, on_progress: OnProgress | None = None) -> R_co:
        """Answer now; ``on_progress`` is told of each step while `wait` lasts."""
        where = workspace or Workspace.from_environment()
        self.wait(where, on_progress)
        return self.execute(where)


class Query(Immediate):
    """An operation that only reads."""

    read_only: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True


class Action(Immediate):
    """An operation that changes runs that are there, such as stopping one."""


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

    def create(self, workspace: Workspace, executor: str = "inline") -> Run:
        """Check the request and make its queued run, claimed by this process."""
        self.check(workspace)
        spec: dict[str, JsonValue] = self.model_dump(mode="json")
        return Run.create(self.name(), spec, workspace, self.parents(), executor=executor)

    def run(self: "_Makes[R_co]", workspace: Workspace | None = None, on_progress: OnProgress | None = None) -> R_co:
        """Execute now, in this process, and record the run; returns what ``execute`` returns."""
        job = cast("Job", self)
        run = job.create(workspace or Workspace.from_environment())
        run.on_progress = on_progress
        return cast("R_co", job.execute_recorded(run))

    def start(self, workspace: Workspace, executor: Executor, on_progress: OnProgress | None = None) -> JobResult:
        """Hand the job to ``executor`` and answer at once; a quick job is executed here instead."""
        if not self.in_background():
            return self.run(workspace, on_progress)
        run = self.create(workspace, executor.name)
        executor.submit(run)
        return Started.of(run, self.eta_s(workspace))

    def execute_recorded(self, run: Run) -> JobResult:
        """Execute in ``run`` and record how it ended; the one place where a run changes to an end state by itself.

        Raises:
            RunStateError: Another process works on the run.
        """
        run.claim()
        begin = time.monotonic()
        try:
            record = run.record()
            now = {"started": record.started or utc_now(), "provenance": record.provenance | provenance()}
            run.update(status="running", ended=None, error=None, **now)
            result = self._execute_stoppable(run).model_copy(update={"run_id": run.id})
            seconds = run.record().timings.get("total", 0) + time.monotonic() - begin
            timings = run.record().timings | {"total": round(seconds, 3)}
            run.end("completed", timings=timings, result=result.model_dump(mode="json"), said=result.summary())
        except (CancelledError, KeyboardInterrupt):
            run.end("cancelled", error=stopped(run))
            raise
        except BaseException as error:
            run.end("failed", error=reason_of(error))
            raise
        finally:
            run.release()
        return result

    def _execute_stoppable(self, run: Run) -> JobResult:
        """Execute so that a cancel ends it with `CancelledError`, where this thread can be stopped so."""
        run.announce(os.getpid() if stops_on_sigterm() else None)
        with cancel_on_sigterm():
            return self.execute(run)


def job_of(run: Run) -> Job:
    """Rebuild the request of a run from its record.

    Raises:
        UnknownNameError: The operation is not installed here.
        RunStateError: The record is of another version of scitrain, whose request this one does not understand.
    """
    load_plugins("scitrain.operations")
    record = run.record()
    known = {cls.name(): cls for cls in plugins(Job)}  # type: ignore[type-abstract]  # finds concrete ones only
    if record.operation not in known:
        raise UnknownNameError("operation", record.operation, sorted(known))
    try:
        return known[record.operation].model_validate(record.spec)
    except ValidationError as error:
        raise RunStateError(
            f"the request of run {run.id!r} was written by another version of scitrain and does not fit this "
            f"one ({error.errors()[0]['loc']}: {error.errors()[0]['msg']}); start it anew"
        ) from error


def stopped(run: Run) -> str:
    """Return what a cancelled run says about itself."""
    return f"stopped on request; resume_run(run_id={run.id!r}) goes on from the last checkpoint"


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CUT_SHORT = re.compile(r"\d+ requested and \d+ written")
"""All that numpy says where the disk is full: it gives no error number."""


def reason_of(error: BaseException) -> str:
    """Return what a person reads about a failure: a message written for them as it stands, else what to do."""
    if isinstance(error, ScitrainError):
        return str(error)
    if isinstance(error, OSError) and (error.errno in NO_SPACE or CUT_SHORT.fullmatch(str(error))):
        where = f" ({error.filename})" if error.filename else ""
        return (
            f"the disk is full or a quota is reached: {error.strerror or error}{where}; what was written before is kept; "
            "free some space, then resume_run goes on from the last checkpoint"
        )
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        said = str(error) or "an allocation was refused"
        kind = "GPU memory" if type(error).__name__ == "OutOfMemoryError" else "memory"
        return (
            f"out of {kind}: {said}; take a smaller batch_size, fewer members, "
            "a smaller model or fewer rows, or let fewer runs work at once (SCITRAIN_SLOTS=1)"
        )
    return f"{type(error).__name__}: {error} (unexpected: log.txt in the run directory has the trace)"
