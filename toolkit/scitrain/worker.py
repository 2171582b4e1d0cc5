"""The process that works on one run: ``python -m scitrain.worker RUN_DIR [LOCK_HANDLE]``."""

import faulthandler
import os
import sys
import traceback
from pathlib import Path

from scitrain.cancellation import cancel_on_sigterm
from scitrain.contracts.operation import job_of, reason_of, stopped
from scitrain.errors import CancelledError
from scitrain.executors._queue import slot
from scitrain.leaving import leave
from scitrain.locks import Lock
from scitrain.runs import LOCK, TERMINAL, Run, Status
from scitrain.workspace import Workspace

__all__ = ["main", "work"]


def main(arguments: list[str]) -> int:
    """Work on the run directory ``arguments[0]``; its lock is open as file ``arguments[1]`` where the parent took it.

    Returns:
        0 completed, 1 failed, 3 cancelled.
    """
    faulthandler.enable()
    path = Path(arguments[0]).resolve()
    run = Run(path, Workspace(path.parent.parent, Workspace.from_environment().data_roots))
    inherited = Lock.inherited(path / LOCK, int(arguments[1])) if len(arguments) > 1 else None
    run.claim(inherited)
    return work(run)


def work(run: Run) -> int:
    """Wait for a slot, execute the run, and leave its record in an end state; returns the exit status."""
    try:
        with cancel_on_sigterm():
            run.announce(os.getpid())
            with slot(run) as share:
                os.environ.update(share.environment())
                run.decide("slot", share.facts(), share.why)
                job_of(run).execute_recorded(run)
    except CancelledError:
        return _end(run, "cancelled", stopped(run), 3)
    except BaseException as error:  # noqa: BLE001  # the outermost frame: whatever it is, the record must say so
        traceback.print_exc()
        return _end(run, "failed", reason_of(error), 1)
    return 0


def _end(run: Run, status: Status, reason: str, code: int) -> int:
    if run.record().status not in TERMINAL:
        run.end(status, error=reason)
    return code


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
