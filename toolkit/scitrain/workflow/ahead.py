"""Import what will be needed, while something else is waited for."""

import gc
import sys
from contextlib import suppress
from importlib import import_module
from threading import Thread

__all__ = ["import_ahead"]


def import_ahead(*names: str) -> None:
    """Import modules in a thread: seconds of torch and Lightning pass while rows are read and other processes describe them."""
    missing = [name for name in names if name not in sys.modules]
    if missing:
        Thread(target=_import, args=missing, name="scitrain-import").start()


def _import(*names: str) -> None:
    # A million objects that stay: collecting garbage among them would find none, and take a quarter of the time.
    collecting = gc.isenabled()
    gc.disable()
    for name in names:
        with suppress(Exception):  # whatever it is, whoever needs the module imports it again and is told
            import_module(name)
    if collecting:
        gc.enable()
