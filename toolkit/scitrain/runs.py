"""Run directories: one folder an execution, holding its request, its outcome and its artifacts."""

import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import JsonValue

from scitrain.cancellation import stop_if_asked
from scitrain.errors import RunNotFoundError, RunStateError
from scitrain.locks import Lock, announced, is_held
from scitrain.records import TERMINAL, Decision, Progress, RunRecord, Status, read_record
from scitrain.workspace import Workspace

__all__ = [
    "RUN_ID",
    "TERMINAL",
    "Decision",
    "Progress",
    "Run",
    "RunRecord",
    "Status",
    "atomic_write",
    "by_time",
    "run_ids",
    "utc_now",
]

RECORD = "run.json"
EVENTS = "events.jsonl"
LOG = "log.txt"
LOCK = "worker.lock"
RESERVE = ".reserve"
RESERVE_BYTES = 65_536
"""Space a run holds back, so that it can still say that the disk is full."""
HIDDEN = frozenset({LOCK})
"""Files of a run directory that mean nothing to a person."""
RUN_ID = re.compile(r"[a-z][a-z0-9_]{0,63}-\d{8}T\d{6}-[0-9a-f]{8}")

Json: TypeAlias = Any
"""Whatever JSON holds; its reader knows the shape."""


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


@dataclass
class Run:
    """Handle on one run directory; all that is written in it goes through here, atomically."""

    path: Path
    workspace: Workspace
    on_progress: Callable[[Progress], None] | None = None
    """Told of each step of progress in this process, as by a progress bar."""
    _lock: Lock | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """Name of the run, and of its directory."""
        return self.path.name

    @classmethod
    def create(
        cls,
        operation: str,
        spec: dict[str, JsonValue],
        workspace: Workspace,
        parents: Iterable[str] = (),
        executor: str = "inline",
    ) -> "Run":
        """Make a run directory with a queued record, claimed by this process from its first moment."""
        created = _next_instant()
        run = cls(_new_folder(workspace.runs, operation, created), workspace)
        run.claim()
        (run.path / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        record = RunRecord(
            run_id=run.id,
            operation=operation,
            spec=spec,
            parents=list(parents),
            executor=executor,
            cwd=_current_folder(),
            created=created.isoformat(timespec="milliseconds"),
        )
        run._save(record)
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

    def claim(self, lock: Lock | None = None) -> Lock:
        """Hold the run's lock (``lock`` where another process took it), which says that somebody takes care of the run.

        Raises:
            RunStateError: Another process holds it.
        """
        self._lock = self._lock or lock or Lock.take(self.path / LOCK)
        if self._lock is None:
            raise RunStateError(f"run {self.id!r} is at work; get_run(run_id={self.id!r}, wait_s=45) waits for it")
        return self._lock

    def release(self) -> None:
        """Let go of the lock."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def announce(self, pid: int | None) -> None:
        """Say which process stops this run on SIGTERM; the run must be claimed."""
        if self._lock is not None:
            self._lock.announce(pid)

    def alive(self) -> bool:
        """Tell whether some process of this machine holds the run's lock."""
        return is_held(self.path / LOCK)

    def pid(self) -> int | None:
        """Return the process that stops this run on SIGTERM; means something only while the run is `alive`."""
        return announced(self.path / LOCK)

    def record(self) -> RunRecord:
        """Read the record; one that cannot change any more is read from disk once.

        Raises:
            RunStateError: The file is no record, as after an edit by hand.
        """
        return read_record(self.path / RECORD)

    def update(self, **changes: object) -> RunRecord:
        """Change fields of the record and write it."""
        record = self.record().model_copy(update=changes)
        self._save(record)
        return record

    def end(self, status: Status, **changes: object) -> None:
        """Write an end state; a failure is recorded on a full disk too, in the space the run held back for that.

        Raises:
            OSError: A completed run could not be recorded as such.
        """
        reserve = self.path / RESERVE
        try:
            self.update(status=status, ended=utc_now(), **changes)
        except OSError:
            if status == "completed":
                raise
            with suppress(OSError):
                reserve.unlink(missing_ok=True)
                self.update(status=status, ended=utc_now(), **changes)
        with suppress(OSError):
            reserve.unlink(missing_ok=True)

    def requeue(self, executor: str) -> bool:
        """Put a run that did not complete back to ``queued``, claimed by this process; False where somebody was faster.

        Raises:
            RunStateError: Another process holds the run at this moment.
        """
        self.claim()
        if self.record().status not in TERMINAL - {"completed"}:
            self.release()
            return False
        (self.path / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        self.update(status="queued", executor=executor, ended=None, error=None)
        self.event("resumed", executor=executor)
        self.progress("queued", message="to go on from the last checkpoint")
        return True

    def decide(self, what: str, value: JsonValue, why: str) -> None:
        """Record a choice made for the user; a later choice of the same thing replaces the earlier."""
        self.decide_all([Decision(what=what, value=value, why=why)])

    def decide_all(self, decisions: Sequence[Decision]) -> None:
        """Record several choices in one write."""
        made = {decision.what for decision in decisions}
        kept = [decision for decision in self.record().decisions if decision.what not in made]
        self.update(decisions=[*kept, *decisions])
        for decision in decisions:
            self.event("decision", **decision.model_dump(mode="json"))

    def progress(self, stage: str, done: float = 0, total: float | None = None, message: str = "") -> None:
        """Tell how far the work is; ends it where it was asked to stop and did not hear."""
        stop_if_asked()
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
                with suppress(ValueError):  # a full disk, or a kill, leaves part of a line
                    return Progress.model_validate({k: v for k, v in json.loads(line).items() if k != "event"})
        return None

    def file(self, name: str) -> Path:
        """Return the path of an artifact to be written, with its folder made."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def write_json(self, name: str, value: object) -> Path:
        """Write ``value`` as JSON; NaN and infinity are refused, because no client could read them."""
        return atomic_write(self.path / name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Json:
        """Read a JSON artifact.

        Raises:
            RunStateError: The run has no such artifact.
        """
        target = self.path / name
        if not target.is_file():
            has = ", ".join(self.artifacts()) or "no artifacts"
            raise RunStateError(f"run {self.id!r} has no {name} (status {self.record().status}); it has {has}")
        return json.loads(target.read_text(encoding="utf-8"))

    def artifacts(self) -> list[str]:
        """Return the relative paths of the finished files of the run, in a stable order."""
        return [name for name, _ in self.artifact_sizes()]

    def artifact_sizes(self) -> list[tuple[str, int]]:
        """Return (relative path, bytes) of the finished files in a stable order, without links and checkpoints."""
        return sorted(_files(str(self.path), ""))

    def _save(self, record: RunRecord) -> None:
        atomic_write(self.path / RECORD, record.model_dump_json(indent=2) + "\n")

    def _append(self, name: str, line: str) -> None:
        # One write of one line in append mode: lines of several processes never mix.
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _files(folder: str, below: str) -> Iterator[tuple[str, int]]:
    """Yield (path relative to the run, bytes); plain strings, because this is done each time somebody looks at a run."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = below + entry.name
            if entry.name.startswith(".") or name in HIDDEN or entry.is_symlink():
                continue
            if entry.is_dir():
                if entry.name != "checkpoints":
                    yield from _files(entry.path, f"{name}/")
            else:
                yield name, entry.stat().st_size


def run_ids(workspace: Workspace) -> list[str]:
    """Return the ids of all runs, newest first; reads no record, and the folder only where it changed."""
    folder = str(workspace.runs)
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116  # a list of runs is asked for often
        known = _LISTINGS.get(folder)
        if known is None or known[0] != changed:
            names = os.listdir(folder)  # noqa: PTH208  # iterdir makes a thousand Path objects only to read names
            known = changed, sorted((name for name in names if RUN_ID.fullmatch(name)), key=by_time, reverse=True)
    except FileNotFoundError:
        return []
    # a folder's time is coarse: one that changed just now may change again within the same tick
    if time.time_ns() - changed > SETTLED_NS:
        _LISTINGS[folder] = known
    return list(known[1])


def by_time(run_id: str) -> tuple[str, str]:
    """Return the key by which run ids sort as the runs were made."""
    operation, _, time = run_id.partition("-")
    return time, operation


_LISTINGS: dict[str, tuple[int, list[str]]] = {}
"""When a folder of runs last changed, and the run ids in it, newest first."""
SETTLED_NS = 2_000_000_000
"""A folder that has not changed for so long would show a further change by another time."""
_CLOCK = threading.Lock()
_last = datetime.fromtimestamp(0, UTC)


def _next_instant() -> datetime:
    """Return the time now in whole milliseconds, later than any answer before, so that ids sort as runs were made."""
    global _last
    with _CLOCK:
        now = datetime.now(UTC)
        _last = max(now.replace(microsecond=now.microsecond // 1000 * 1000), _last + timedelta(milliseconds=1))
        return _last


def _new_folder(runs: Path, operation: str, created: datetime) -> Path:
    """Make ``<operation>-<utc>-<3 hex digits of milliseconds, 5 of chance>``."""
    runs.mkdir(parents=True, exist_ok=True)
    while True:
        milliseconds = created.microsecond // 1000
        folder = runs / f"{operation}-{created:%Y%m%dT%H%M%S}-{milliseconds:03x}{secrets.randbits(20):05x}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return ""
