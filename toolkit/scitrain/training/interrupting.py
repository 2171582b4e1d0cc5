"""Ctrl-C while a network trains."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C arrive as a KeyboardInterrupt, and work a second time.

    Lightning turns the first one into ``sys.exit(1)`` and ignores SIGINT from then on, which would record a failure
    and leave a Python session that nothing interrupts.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
