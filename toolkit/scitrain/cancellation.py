"""Turn SIGTERM into `CancelledError` in the main thread, so that a run that is told to stop records that it stopped."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scitrain.errors import CancelledError

__all__ = ["cancel_on_sigterm", "stops_on_sigterm"]


def stops_on_sigterm() -> bool:
    """Tell whether this is the main thread of a program that leaves SIGTERM to us."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGTERM) in {signal.SIG_DFL, _stop}


@contextmanager
def cancel_on_sigterm() -> Iterator[None]:
    """Raise `CancelledError` in the main thread on SIGTERM; does nothing where another handler stands."""
    if not stops_on_sigterm():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise CancelledError("asked to stop (SIGTERM)")
