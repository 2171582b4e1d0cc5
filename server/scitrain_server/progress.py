"""Run blocking work off the event loop and tell the client how far it is."""

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context

from scitrain.runs import Progress

__all__ = ["Latest", "follow"]

T = TypeVar("T")

INTERVAL_S = 0.5
"""Pause between two messages to the client; work of a fraction of it sends none."""
WAITING = anyio.CapacityLimiter(100)
"""Threads that may wait for runs, kept apart from those that answer everything else."""


class Latest:
    """The newest step of progress, written by the working thread and read by the event loop."""

    def __init__(self) -> None:
        self.step: Progress | None = None

    def set(self, step: Progress) -> None:
        """Remember a step; a closed connection can never disturb the work that calls this."""
        self.step = step

    def __call__(self) -> Progress | None:
        """Return the newest step."""
        return self.step


async def follow(work: Callable[[], T], latest: Callable[[], Progress | None], context: Context[Any, Any]) -> T:
    """Return what ``work`` returns, reporting what ``latest`` says meanwhile.

    Where the client cancels or leaves, the thread goes on to its end, so that a run is recorded whole.
    """
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_relay, latest, context)
            result = await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=WAITING)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as group_error:
        # Only the work itself can fail here; its own error is what the caller handles.
        raise group_error.exceptions[0] from None
    return result


async def _relay(latest: Callable[[], Progress | None], context: Context[Any, Any]) -> None:
    """Report each new step; the number grows from message to message as the protocol asks, over all stages."""
    told: Progress | None = None
    base = position = 0.0
    while True:
        await anyio.sleep(INTERVAL_S)
        step = await anyio.to_thread.run_sync(latest)
        if step is None or step == told:
            continue
        if told is not None and (step.stage != told.stage or step.done < told.done):
            base = position
        if base + step.done > position or told is None:
            position = base + step.done
            total = None if step.total is None else base + step.total
            await context.report_progress(position, total, f"{step.stage}: {step.message}".rstrip(": "))
        told = step
