"""Execute runs on this machine, each in a process of its own that nobody's end takes with it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from scitrain.contracts.executor import Executor
from scitrain.errors import ScitrainError
from scitrain.executors._queue import enqueue, leave, threads
from scitrain.executors._stop import stop
from scitrain.runs import LOG, Run
from scitrain.training.places import VARIABLES
from scitrain.workspace import DATA_ROOTS_VARIABLE

__all__ = ["Local"]


class Local(Executor):
    """Starts ``python -m scitrain.worker RUN_DIR`` in a session of its own; the worker waits in the queue for its slot.

    The worker inherits the run's lock, so the run is cared for without a gap, and survives the end of the server and
    the client. Its output goes to ``log.txt``.
    """

    name: ClassVar[str] = "local"

    def __init__(self) -> None:
        super().__init__()
        self._children: list[subprocess.Popen[bytes]] = []

    def submit(self, run: Run) -> None:
        """Start the worker.

        Raises:
            ScitrainError: The system does not start another process.
        """
        enqueue(run)
        try:
            self._reap()
            self._children.append(_start(run))
        except ScitrainError as error:
            leave(run)
            run.end("failed", error=str(error))
            raise
        except OSError as error:
            leave(run)
            reason = f"no worker could be started: {error}; free some memory or processes, then resume_run goes on"
            run.end("failed", error=reason)
            raise ScitrainError(reason) from error
        finally:
            run.release()

    def cancel(self, run: Run) -> None:
        """Stop the worker, waiting or at work."""
        stop(run)
        self._reap()

    def alive(self, run: Run) -> bool:
        """Tell whether a process holds the run's lock."""
        return run.alive()

    def _reap(self) -> None:
        """Collect workers of ours that have ended; the system keeps them as zombies until somebody asks."""
        self._children = [child for child in self._children if child.poll() is None]


def _start(run: Run) -> "subprocess.Popen[bytes]":
    lock = run.claim()
    folder = Path(run.record().cwd)
    with (run.path / LOG).open("ab") as log:
        child = subprocess.Popen(
            # -P: a file numpy.py in the user's folder shadows nothing; -u: the log is whole when a worker is killed.
            [sys.executable, "-P", "-u", "-m", "scitrain.worker", str(run.path), str(lock.handle)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder if folder.is_absolute() and folder.is_dir() else run.workspace.root,
            env=_environment(run),
            start_new_session=True,
            pass_fds=(lock.handle,),
        )
    run.announce(child.pid)
    return child


def _environment(run: Run) -> dict[str, str]:
    """Return this process's variables with the run's workspace and its share of the CPUs, unless the user set that."""
    # Started from within a job of a cluster it is no part of that job's processes.
    dropped = VARIABLES | {DATA_ROOTS_VARIABLE}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    share = threads()
    # Numerical libraries read it when they are loaded, which is before the worker has its slot.
    given = {} if share is None else {"OMP_NUM_THREADS": str(share)}
    return given | kept | run.workspace.environment()
