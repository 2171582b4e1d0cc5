"""End a program of ours without the second that Python takes to look through torch's million objects."""

import atexit
import os
import sys
from typing import NoReturn

__all__ = ["leave"]


def leave(status: int) -> NoReturn:
    """Do what was registered for the end, write out what is buffered, and end the process with ``status``."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads it any more
    os._exit(status)
