"""Find runs."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from pydantic import BaseModel, Field

from scitrain.contracts.operation import Query, Result
from scitrain.errors import RunStateError, ScitrainError, UnknownNameError
from scitrain.overview import about
from scitrain.reconcile import current
from scitrain.runs import RUN_ID, Run, RunRecord, Status, by_time, run_ids
from scitrain.workspace import Workspace

__all__ = ["ListRuns", "RunLine", "RunList"]


class RunLine(BaseModel):
    """One run in a list."""

    run_id: str
    operation: str
    status: Status
    about: str
    """By what a person recognises the request, such as `data=esol.csv, target=logS`."""
    created: str
    ended: str | None = None
    parents: list[str] = []
    """Runs it was made from."""
    error: str | None = None
    """First line of the reason where it did not complete."""


class RunList(Result):
    """One page of runs, newest first."""

    runs: list[RunLine]
    next_cursor: str | None
    """`cursor` of the next page; null where this is the last."""
    in_all: int
    """Runs in the workspace, whatever was asked for."""

    def summary(self) -> str:
        """Return a line a run."""
        lines = [f"{r.run_id}: {r.status}" + (f" ({r.about})" if r.about else "") for r in self.runs]
        more = [f"more: list_runs(cursor={self.next_cursor!r}) with the same filters"] if self.next_cursor else []
        none = f"no such run among {self.in_all}" if self.in_all else "no runs yet"
        return "\n".join([*(lines or [none]), *more])


class ListRuns(Query):
    """List runs, newest first, a page at a time; filter by operation, status, words or the run they were made from."""

    title: ClassVar[str] = "List runs"

    operation: str | None = None
    """Only runs of this operation, such as `train_model`."""
    status: Status | None = None
    """Only runs in this state."""
    text: str | None = None
    """Only runs whose id, request or error contains these words, in any case."""
    parent: str | None = None
    """Only runs made from this run."""
    limit: int = Field(20, ge=1, le=200)
    """Runs a page."""
    cursor: str | None = None
    """Where to go on: `next_cursor` of the page before."""

    def execute(self, workspace: Workspace) -> RunList:
        """Read one folder listing, and of the records only as many as the page needs."""
        ids = run_ids(workspace)
        found = list(islice(self._matches(self._candidates(ids), workspace), self.limit + 1))
        more = len(found) > self.limit
        page = found[: self.limit]
        return RunList(runs=page, next_cursor=page[-1].run_id if more else None, in_all=len(ids))

    def _candidates(self, ids: list[str]) -> list[str]:
        """Return the ids after the cursor and of the operation, which need no record."""
        if self.operation is not None and ids:
            known = sorted({run_id.partition("-")[0] for run_id in ids})
            if self.operation not in known:
                raise UnknownNameError("run of an operation", self.operation, known)
            ids = [run_id for run_id in ids if run_id.startswith(f"{self.operation}-")]
        if self.cursor is not None:
            if not RUN_ID.fullmatch(self.cursor):
                raise ScitrainError(
                    f"cursor={self.cursor!r} is no run id; give next_cursor of the page before, or none"
                )
            ids = [run_id for run_id in ids if by_time(run_id) < by_time(self.cursor)]
        return ids

    def _matches(self, ids: list[str], workspace: Workspace) -> Iterator[RunLine]:
        for run_id in ids:
            run = Run(workspace.runs / run_id, workspace)
            try:
                record = current(run)
            except FileNotFoundError:  # being made, or being deleted
                continue
            except RunStateError as error:
                record = _unreadable(run_id, str(error))
            if self._wanted(record):
                yield _line(record)

    def _wanted(self, record: RunRecord) -> bool:
        if self.status not in {None, record.status} or (self.parent is not None and self.parent not in record.parents):
            return False
        if self.text is None:
            return True
        said = f"{record.run_id} {record.model_dump_json(include={'spec', 'error'})}"
        return self.text.casefold() in said.casefold()


def _line(record: RunRecord) -> RunLine:
    return RunLine(
        run_id=record.run_id,
        operation=record.operation,
        status=record.status,
        about=about(record.spec),
        created=record.created,
        ended=record.ended,
        parents=record.parents,
        error=record.error.splitlines()[0] if record.error else None,
    )


def _unreadable(run_id: str, reason: str) -> RunRecord:
    operation = run_id.partition("-")[0]
    return RunRecord(run_id=run_id, operation=operation, spec={}, status="failed", created="", error=reason)
