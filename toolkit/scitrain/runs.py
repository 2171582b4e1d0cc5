"""Run directories: one folder an execution, holding its request, its outcome and its artifacts."""

import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from scitrain.errors import RunNotFoundError, RunStateError
from scitrain.workspace import Workspace

__all__ = ["Decision", "Progress", "Run", "RunRecord", "Status", "atomic_write", "run_ids", "utc_now"]

SCHEMA_VERSION = 1
RECORD = "run.json"
EVENTS = "events.jsonl"
LOG = "log.txt"
RUN_ID = re.compile(r"[a-z][a-z0-9_]{0,63}-\d{8}T\d{6}-[0-9a-f]{8}")

Status = Literal["queued", "running", "completed", "failed", "cancelled", "interrupted"]
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled", "interrupted"})


def utc_now() -> str:
    """Return the time now as ISO 8601, UTC, whole milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def atomic_write(path: Path, content: str | bytes) -> Path:
    """Write a file so that a reader sees the old content or the new, never a part; parents are made.

    The bytes reach the disk before the name does, so a full disk leaves the old file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


class Decision(BaseModel):
    """A choice that was made for the user, and why."""

    model_config = ConfigDict(frozen=True)

    what: str
    value: JsonValue
    why: str


class Progress(BaseModel):
    """How far a run is, as last told."""

    model_config = ConfigDict(frozen=True)

    stage: str
    """What is being done: ``prepare``, ``features``, ``train``, ``evaluate``, ``export`` …"""
    done: float = 0
    total: float | None = None
    message: str = ""
    """A few words for a person, such as ``epoch 3/50, validation loss 0.41``."""
    time: str = ""


class RunRecord(BaseModel):
    """Content of ``run.json``."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    operation: str
    spec: dict[str, JsonValue]
    status: Status = "queued"
    parents: list[str] = []
    """Runs this one was made from."""
    decisions: list[Decision] = []
    provenance: dict[str, JsonValue] = {}
    """Versions, device, data hash, git commit."""
    timings: dict[str, float] = {}
    """Seconds by stage."""
    created: str
    started: str | None = None
    ended: str | None = None
    result: dict[str, JsonValue] | None = None
    """The result object of a completed run."""
    error: str | None = None
    """What a person reads when it failed."""


@dataclass
class Run:
    """Handle on one run directory; all that is written in it goes through here, atomically."""

    path: Path
    workspace: Workspace
    on_progress: Callable[[Progress], None] | None = None
    """Told of each step of progress in this process, as by a progress bar."""

    @property
    def id(self) -> str:
        """Name of the run, and of its directory."""
        return self.path.name

    @classmethod
    def create(
        cls, operation: str, spec: dict[str, JsonValue], workspace: Workspace, parents: Iterable[str] = ()
    ) -> "Run":
        """Make a run directory with a queued record."""
        created = datetime.now(UTC)
        run_id = f"{operation}-{created:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        run = cls(workspace.runs / run_id, workspace)
        run._save(RunRecord(run_id=run_id, operation=operation, spec=spec, parents=list(parents), created=utc_now()))
        return run

    @classmethod
    def open(cls, run_id: str, workspace: Workspace) -> "Run":
        """Open an existing run.

        Raises:
            RunNotFoundError: The id is malformed, or no run of that name exists.
        """
        path = workspace.runs / run_id
        if not RUN_ID.fullmatch(run_id) or path.is_symlink() or not (path / RECORD).is_file():
            raise RunNotFoundError(run_id, run_ids(workspace)[:200])
        return cls(path, workspace)

    def record(self) -> RunRecord:
        """Read the record from disk."""
        return RunRecord.model_validate_json((self.path / RECORD).read_bytes())

    def update(self, **changes: object) -> RunRecord:
        """Change fields of the record and write it."""
        record = self.record().model_copy(update=changes)
        self._save(record)
        return record

    def decide(self, what: str, value: JsonValue, why: str) -> None:
        """Record a choice made for the user; a later choice of the same thing replaces the earlier."""
        kept = [decision for decision in self.record().decisions if decision.what != what]
        self.update(decisions=[*kept, Decision(what=what, value=value, why=why)])
        self.event("decision", what=what, value=value, why=why)

    def progress(self, stage: str, done: float = 0, total: float | None = None, message: str = "") -> None:
        """Tell how far the work is."""
        step = Progress(stage=stage, done=done, total=total, message=message, time=utc_now())
        self._append(EVENTS, json.dumps({"event": "progress", **step.model_dump()}, ensure_ascii=False))
        if self.on_progress is not None:
            self.on_progress(step)

    def event(self, event: str, **values: JsonValue) -> None:
        """Append one line to ``events.jsonl``."""
        self._append(EVENTS, json.dumps({"event": event, "time": utc_now(), **values}, ensure_ascii=False))

    def log(self, text: str) -> None:
        """Append a line to ``log.txt``."""
        self._append(LOG, f"{utc_now()} {text}")

    def last_progress(self) -> Progress | None:
        """Return the newest progress event; reads only the file's tail, however long it is."""
        events = self.path / EVENTS
        if not events.is_file():
            return None
        with events.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            lines = file.read().splitlines()
        for line in reversed(lines):
            if line.startswith(b'{"event": "progress"') and line.endswith(b"}"):
                return Progress.model_validate({k: v for k, v in json.loads(line).items() if k != "event"})
        return None

    def file(self, name: str) -> Path:
        """Return the path of an artifact to be written, with its folder made."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def write_json(self, name: str, value: Any) -> Path:
        """Write ``value`` as JSON; NaN and infinity are refused, because no client could read them."""
        return atomic_write(self.path / name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON artifact.

        Raises:
            RunStateError: The run has no such artifact.
        """
        target = self.path / name
        if not target.is_file():
            raise RunStateError(f"run {self.id!r} has no {name} (status {self.record().status}); it has {', '.join(self.artifacts())}")
        return json.loads(target.read_text(encoding="utf-8"))

    def artifacts(self) -> list[str]:
        """Return the relative paths of the finished files of the run, in a stable order."""
        hidden = {"checkpoints"}
        found = (p.relative_to(self.path) for p in self.path.rglob("*") if p.is_file())
        return sorted(str(p) for p in found if p.parts[0] not in hidden and not any(part.startswith(".") for part in p.parts))

    def _save(self, record: RunRecord) -> None:
        atomic_write(self.path / RECORD, record.model_dump_json(indent=2) + "\n")

    def _append(self, name: str, line: str) -> None:
        # One write of one line in append mode: lines of several processes never mix.
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def run_ids(workspace: Workspace) -> list[str]:
    """Return the ids of all runs, newest first; reads one folder listing and no record."""
    try:
        names = [entry.name for entry in os.scandir(workspace.runs)]
    except FileNotFoundError:
        return []
    return sorted((n for n in names if RUN_ID.fullmatch(n)), key=lambda n: n.split("-", 1)[1], reverse=True)
