"""Locks that a process cannot outlive: how anyone can tell whether a run still has its worker.

Advisory ``flock`` locks belong to an open file, not to a process id: the kernel frees them whichever way the holder
ends, and a child that inherits the open file goes on holding them.
"""

import fcntl
import os
import platform
import time
from pathlib import Path
from weakref import WeakSet

from scitrain.errors import ScitrainError

__all__ = ["Lock", "announced", "is_held"]

PROBE_RETRIES = 20
"""A prober holds a lock for microseconds; taking tries again so often, 5 ms apart, before it believes the lock held."""


class Lock:
    """An exclusive lock on a file, held until `release` or the end of every process that has the open file."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.handle = handle
        _HELD.add(self)

    def __del__(self) -> None:
        self.release()

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """Take the lock now, or return None where another open file has it.

        Raises:
            ScitrainError: The file system has no locks.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        for attempt in range(PROBE_RETRIES):
            if _flock(handle, fcntl.LOCK_EX, path):
                return cls(path, handle)
            if not _is_shared(handle):
                break
            time.sleep(0.005 if attempt else 0)
        os.close(handle)
        return None

    @classmethod
    def inherited(cls, path: Path, handle: int) -> "Lock":
        """Wrap a lock that the parent process took and passed on."""
        os.set_inheritable(handle, False)
        return cls(path, handle)

    def announce(self, pid: int | None) -> None:
        """Say in the file which process stops on SIGTERM; None where none does."""
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, b"" if pid is None else f"{pid} {_place()}".encode(), 0)

    def release(self) -> None:
        """Close the open file; a child that inherited it still holds the lock."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _flock(handle, fcntl.LOCK_SH, path)
    finally:
        os.close(handle)


def announced(path: Path) -> int | None:
    """Return the process id last announced in a lock file, or None where it has no meaning here."""
    try:
        pid, _, place = path.read_text(encoding="utf-8").partition(" ")
    except FileNotFoundError:
        return None
    return int(pid) if pid.isdigit() and place == _place() else None


def _place() -> str:
    """Name the machine, and on Linux the container, in which a process id names a process."""
    namespace = Path("/proc/self/ns/pid")
    return f"{platform.node()} {namespace.readlink() if namespace.is_symlink() else ''}"


def _is_shared(handle: int) -> bool:
    """Tell whether only probers, who share, stand in the way of a lock that was refused."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True


def _flock(handle: int, kind: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ScitrainError(
            f"the file system of {path.parent} has no file locks ({error.strerror}); "
            "put the workspace on a local disk, or on a network file system with locking"
        ) from error
    return True


_HELD: "WeakSet[Lock]" = WeakSet()


def _forget() -> None:
    """Close inherited locks in a forked child, which would otherwise keep a dead worker's lock held."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_forget)
