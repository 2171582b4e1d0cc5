"""The process that works on one run: ``python -m scitrain.worker RUN_DIR [LOCK_HANDLE]``, also once a process under torchrun or srun."""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scitrain.cancellation import cancel_on_sigterm
from scitrain.contracts.operation import job_of, reason_of, stopped
from scitrain.errors import CancelledError, ScitrainError
from scitrain.executors._queue import slot
from scitrain.leaving import leave
from scitrain.locks import Lock
from scitrain.runs import LOCK, RECORD, TERMINAL, Run, Status
from scitrain.training.places import Place, place_from, placed
from scitrain.workspace import Workspace

__all__ = ["main", "work"]


def main(arguments: list[str]) -> int:
    """Work on the run directory ``arguments[0]``; its lock is open as file ``arguments[1]`` where the parent took it.

    Under torchrun or srun the first process does so, and the others train along with it.

    Returns:
        0 completed (also where it was before), 1 failed, 2 there is no such run, 3 cancelled.
    """
    faulthandler.enable()
    path = Path(arguments[0]).resolve()
    if not (path / RECORD).is_file():
        sys.stderr.write(
            f"{path} is no run directory; on a cluster the workspace must lie where every machine sees it\n"
        )
        return 2
    run = Run(path, Workspace(path.parent.parent, Workspace.from_environment().data_roots))
    try:
        place = place_from(os.environ) if len(arguments) == 1 else None
        if place is not None and place.rank > 0:
            return _follow(place, run)
        if run.record().status == "completed":
            return 0
        run.claim(Lock.inherited(path / LOCK, int(arguments[1])) if len(arguments) > 1 else None)
    except (ScitrainError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return work(run, place)


def work(run: Run, place: Place | None = None) -> int:
    """Wait for a slot, execute the run, and leave its record in an end state; returns the exit status."""
    try:
        with cancel_on_sigterm():
            run.announce(os.getpid())
            with _room(run, place):
                job_of(run).execute_recorded(run)
    except CancelledError:
        return _end(run, "cancelled", stopped(run), 3)
    except BaseException as error:  # noqa: BLE001  # the outermost frame: whatever it is, the record must say so
        traceback.print_exc()
        return _end(run, "failed", reason_of(error), 1)
    return 0


@contextmanager
def _room(run: Run, place: Place | None) -> Iterator[None]:
    """Wait for the run's share of this machine, or, where a launcher gave it whole machines, for the other processes."""
    if place is None:
        with slot(run) as share:
            os.environ.update(share.environment())
            run.decide("slot", share.facts(), share.why)
            yield
    elif place.world == 1:
        with placed(place):
            yield
    else:
        from scitrain.training.group import joined

        run.progress("queued", message=f"waiting for the other {place.world - 1} processes")
        with placed(place), joined(place, run):
            yield


def _follow(place: Place, run: Run) -> int:
    """Be one of the other processes; the first one decides when to stop, and this one ends when it does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from scitrain.training.helper import follow

    follow(place, run)
    return 0


def _end(run: Run, status: Status, reason: str, code: int) -> int:
    if run.record().status not in TERMINAL:
        run.end(status, error=reason)
    return code


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
