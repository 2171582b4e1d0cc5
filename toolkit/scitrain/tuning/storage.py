"""Where a study is kept: a journal in the run directory, or a PostgreSQL database that several machines share."""

import fcntl
import json
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import optuna
from optuna.storages import BaseStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.study import Study

from scitrain.errors import MissingExtraError, ScitrainError
from scitrain.tuning.job import SearchJob

__all__ = ["JOURNAL", "check_storage", "exclusive", "mend", "open_study", "quiet_optuna"]

JOURNAL = "checkpoints/study.journal"
ASKING = "checkpoints/study.lock"
IDENTITY = "scitrain"
"""Attribute of a study that holds what it was made for."""
DIALECT = re.compile(r"postgres(ql)?(\+psycopg)?")
PORT, REACH_S = 5432, 3.0
END_OF_TRIAL = "state"
"""Key of the lines by which a trial is begun or ended."""


class _KernelLock:
    """Held by an open file: the kernel frees it however its holder ends, where a lock file would stay for ever."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let go of it."""
        os.close(self._handle)


class _Journal(JournalFileBackend):
    """Optuna's journal of one line a change, which waits for the disk only at the end of a trial.

    The number of each epoch is a line too: what the kernel has survives a SIGKILL; waiting for the disk each time costs as much
    as an epoch of a small network.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _KernelLock(path.with_suffix(".write")))  # type: ignore[arg-type]  # it is used as such a lock

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append the lines in one write."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with Path(self._file_path).open("ab", buffering=0) as file:
                file.write(text.encode())
                if any(END_OF_TRIAL in log for log in logs):
                    os.fsync(file.fileno())
        finally:
            self._lock.release()


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process of a run at a time count the trials and begin the next."""
    lock = _KernelLock(folder / ASKING)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silence what Optuna tells of each trial, and its word on what is experimental: the run's own events say it."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def mend(path: Path) -> None:
    """Cut off a last line that a kill left unfinished: it would join the next one, and neither could be read."""
    if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def check_storage(url: str) -> None:
    """Refuse in a few seconds a database that cannot be used.

    Raises:
        MissingExtraError: There is no driver.
        ScitrainError: It is no PostgreSQL URL, holds a password, or nobody answers there.
    """
    try:
        parts = urlsplit(url)
        host, port, password = parts.hostname, parts.port or PORT, parts.password
    except ValueError as error:
        raise ScitrainError(
            f"storage={url!r} is no URL: {error}; expected postgresql://user@host:5432/database"
        ) from None
    if not DIALECT.fullmatch(parts.scheme) or not host:
        raise ScitrainError(
            f"storage={url!r} is no PostgreSQL URL; expected postgresql://user@host:5432/database, or leave it out: "
            "the run then keeps its study in a file of its own"
        )
    if password is not None:
        raise ScitrainError(
            "storage holds a password, which would stand in the run's record; leave it out, and give it by the variable "
            "PGPASSWORD or the file ~/.pgpass"
        )
    if find_spec("psycopg") is None:
        raise MissingExtraError("a study in PostgreSQL", "psycopg", "postgres")
    try:
        socket.create_connection((host, port), REACH_S).close()
    except OSError as error:
        raise ScitrainError(
            f"storage={url!r} cannot be reached: {error}; nothing was trained; see that the database runs and that {host}:{port} "
            "is the right place, or leave storage out"
        ) from None


def open_study(job: SearchJob, folder: Path) -> Study:
    """Open the study of a search, made where it is not there yet; ``folder`` is the run's.

    Raises:
        ScitrainError: The database refuses, or its study answers another question.
    """
    directions: list[Literal["minimize", "maximize"]] = ["minimize"] * len(job.goals)
    study = optuna.create_study(
        storage=_storage(job, folder), study_name=job.study, directions=directions, load_if_exists=True
    )
    made_for = study.user_attrs.get(IDENTITY)
    if made_for is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(IDENTITY, job.identity)
    elif made_for != job.identity or len(study.directions) != len(job.goals):
        raise ScitrainError(
            f"the study {job.study!r} belongs to another search: its data, network, search space or objective differ from this one's; "
            "give another name as study, or the request that the study was made with"
        )
    return study


def _storage(job: SearchJob, folder: Path) -> BaseStorage:
    if job.storage is None:
        path = folder / JOURNAL
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(_Journal(path))
    return _database(job.storage)


def _database(url: str) -> BaseStorage:
    """Connect to a database."""
    from sqlalchemy.exc import SQLAlchemyError

    driven = DIALECT.sub("postgresql+psycopg", url, count=1)
    try:
        return optuna.storages.RDBStorage(driven, engine_kwargs={"pool_pre_ping": True})
    except SQLAlchemyError as error:
        said = str(error).splitlines()[0]
        raise ScitrainError(
            f"storage={url!r} does not work: {said}; give user, password (PGPASSWORD or ~/.pgpass) and the name of a database "
            "that is there"
        ) from None
