"""What is written down about a run, and how it is read back."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from scitrain.errors import RunStateError

__all__ = ["TERMINAL", "Decision", "Progress", "RunRecord", "Status", "read_record"]

SCHEMA_VERSION = 1
CACHED_RECORDS = 4096

Status = Literal["queued", "running", "completed", "failed", "cancelled", "interrupted"]
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled", "interrupted"})
"""States in which nothing happens any more."""


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
    executor: str = "inline"
    """Who takes care of it."""
    cwd: str = ""
    """Current folder of the request, from which its relative paths are read."""
    created: str
    started: str | None = None
    ended: str | None = None
    result: dict[str, JsonValue] | None = None
    """The result object of a completed run."""
    said: str = ""
    """The same in a few words for a person."""
    error: str | None = None
    """What a person reads when it failed."""


def read_record(path: Path) -> RunRecord:
    """Read ``run.json``; one that cannot change any more is parsed once a process.

    Raises:
        RunStateError: The file is no record, as after an edit by hand.
        FileNotFoundError: It is not there.
    """
    stat = path.stat()
    version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    known = _RECORDS.get(path)
    if known is not None and known[0] == version:
        return known[1].model_copy()
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise RunStateError(f"{path} is no record of a run: {first['loc']}: {first['msg']}") from error
    if record.status in TERMINAL:
        if len(_RECORDS) >= CACHED_RECORDS:
            _RECORDS.clear()
        _RECORDS[path] = (version, record)
    return record.model_copy()


_RECORDS: dict[Path, tuple[tuple[int, int, int], RunRecord]] = {}
