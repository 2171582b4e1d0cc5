"""Parts of a run that a person can follow: timed, with progress."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scitrain.runs import Run

__all__ = ["stage", "ticker"]


@contextmanager
def stage(run: Run, name: str, message: str = "") -> Iterator[None]:
    """Announce a part of the work, and add its seconds to the record's ``timings``."""
    run.progress(name, message=message)
    begin = time.monotonic()
    yield
    seconds = time.monotonic() - begin
    timings = run.record().timings
    run.update(timings=timings | {name: round(timings.get(name, 0.0) + seconds, 3)})


def ticker(run: Run, name: str, what: str, every_s: float = 0.5) -> Callable[[int, int], None]:
    """Return a function that passes (rows done, rows in all) on as progress, at most every ``every_s`` seconds."""
    last = 0.0

    def tick(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last >= every_s:
            last = now
            run.progress(name, done, total, f"{what} {done:,} of {total:,}")

    return tick
