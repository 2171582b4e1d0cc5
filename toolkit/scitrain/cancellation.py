"""Turn SIGTERM into `CancelledError` in the main thread, so that a run that is told to stop records that it stopped."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scitrain.errors import CancelledError

__all__ = ["cancel_on_sigterm", "stop_if_asked", "stops_on_sigterm"]

_asked: set[int] = set()
"""Signals to stop by that came while a `cancel_on_sigterm` stands."""


def stops_on_sigterm() -> bool:
    """Tell whether this is the main thread of a program that leaves SIGTERM to us."""
    return _in_main_thread() and signal.getsignal(signal.SIGTERM) in {signal.SIG_DFL, _stop}


@contextmanager
def cancel_on_sigterm() -> Iterator[None]:
    """Raise `CancelledError` in the main thread on SIGTERM; does nothing where another handler stands.

    Both this and Ctrl-C are remembered: an import or a callback of a library that catches everything may swallow the
    exception, and `stop_if_asked` raises it again.
    """
    if not stops_on_sigterm():
        yield
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _stop)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before[signal.SIGTERM] is not _stop:
            _asked.clear()


def stop_if_asked() -> None:
    """Raise again where the program was told to stop and something swallowed it.

    Raises:
        CancelledError: It was told so by SIGTERM.
        KeyboardInterrupt: It was told so by Ctrl-C.
    """
    if not _asked or not _in_main_thread():
        return
    if signal.SIGTERM in _asked:
        raise CancelledError("asked to stop (SIGTERM)")
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _stop(number: int, frame: FrameType | None) -> None:
    _asked.add(number)
    raise CancelledError("asked to stop (SIGTERM)")


def _interrupt(number: int, frame: FrameType | None) -> None:
    _asked.add(number)
    raise KeyboardInterrupt
