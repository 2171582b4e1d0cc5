"""Time of parts within parts."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ParamSpec, TypeVar

import torch

__all__ = ["Stopwatch", "span", "waiter"]

P = ParamSpec("P")
R = TypeVar("R")


def span(name: str) -> AbstractContextManager[object]:
    """Return a context that a trace shows by this name."""
    return torch.autograd.profiler.record_function(f"scitrain: {name}")


def waiter(device: str) -> Callable[[], None]:
    """Return what waits for a GPU: its work is only begun where a call returns."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


class Stopwatch:
    """Seconds by part; what a part inside takes is not counted for the part around it."""

    def __init__(self, device: str = "cpu", clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._wait, self._clock = waiter(device), clock
        self._inside = [0.0]
        """For each open part the seconds of the parts within it."""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done within this context for a part, and mark it in a trace."""
        self._wait()
        self._inside.append(0.0)
        begin = self._clock()
        try:
            with span(name):
                yield
                self._wait()
        finally:
            whole = self._clock() - begin
            own = whole - self._inside.pop()
            self._inside[-1] += whole
            self.seconds[name] = self.seconds.get(name, 0.0) + own

    def wrap(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function whose time counts for a part."""

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.part(name):
                return function(*args, **kwargs)

        return timed

    def taken(self) -> dict[str, float]:
        """Return the seconds so far, and begin anew."""
        found, self.seconds = self.seconds, {}
        return found
