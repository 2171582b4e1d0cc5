"""Map a function over many items in processes of their own, where that pays.

The helpers are plain Python processes that talk through their standard streams, not a ``multiprocessing`` pool: that
one imports the caller's main module again (a script without a ``__main__`` guard would train twice) and its processes
outlive a parent that is killed, where these end as their input closes.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, TypeVar, cast

from scitrain.errors import ScitrainError
from scitrain.resources import cpu_count

__all__ = ["HelperError", "beside", "parallel_map", "serve"]

T = TypeVar("T")
R = TypeVar("R")

WORTH_SECONDS = 3.0  # starting helpers and importing RDKit in them takes one to two
CHUNK_SECONDS = 0.25  # often enough for a progress bar, long enough that pickling does not show
PROBE = 32
START = """
import pickle, sys, types
sys.path[:], folders = pickle.load(sys.stdin.buffer)
package = sys.modules["scitrain"] = types.ModuleType("scitrain")
package.__path__ = folders
from scitrain.chem.parallel import serve
serve()
"""
"""A helper stands in for the package itself, whose own import brings every operation and takes longer than the work."""


class HelperError(ScitrainError):
    """A helper process was killed in the middle of its work."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"a helper process was killed by signal {-code} while it worked on a part of the rows; "
            "signal 9 mostly means that memory ran out: use fewer rows (max_rows) or a machine with more memory"
        )


def parallel_map(
    function: Callable[[T], R],
    items: Sequence[T],
    tick: Callable[[int, int], None] | None = None,
    chunk: int | None = None,
    processes: int | None = None,
) -> list[R]:
    """Return ``[function(item) for item in items]``, worked out by several processes where that is sooner done.

    Args:
        function: Lives in an importable module; one of the main script is run in this process.
        items: What to work on; items and results are pickled.
        tick: Told (items done, items in all).
        chunk: Items sent at once; None sizes it by the time that the first items took.
        processes: Number of helpers; None takes one per CPU where the work is worth it, and none otherwise.

    Raises:
        HelperError: A helper was killed, such as for want of memory.
    """
    done: list[R] = []
    for results in _results(function, items, chunk, processes):
        done += results
        if tick:
            tick(len(done), len(items))
    return done


@contextmanager
def beside(function: Callable[[T], R], item: T) -> Iterator[Callable[[], R]]:
    """Work out ``function(item)`` in a process of its own while the caller goes on; what is yielded waits for the result.

    Where there is one CPU alone, or no process can be started, that call does the work itself. The process ends with the block.

    Raises:
        HelperError: By the call; the process was killed.
    """
    helpers = _start(1) if cpu_count() > 1 and _importable(function) else []
    try:
        for helper in helpers:
            _ask(helper, function, [item])
        yield lambda: _answer(helpers[0], function, [item])[0] if helpers else function(item)
    finally:
        _stop(helpers)


def _results(
    function: Callable[[T], R], items: Sequence[T], chunk: int | None, processes: int | None
) -> Iterator[list[R]]:
    """Yield the results of the first few items, then of the others in chunks whose size follows from their pace."""
    begin = time.perf_counter()
    head = [function(item) for item in items[: chunk or PROBE]]
    pace = (time.perf_counter() - begin) / max(len(head), 1)
    yield head
    rest = items[len(head) :]
    if processes is None:
        processes = cpu_count() if pace * len(rest) > WORTH_SECONDS else 1
    size = chunk or min(max(1, int(CHUNK_SECONDS / max(pace, 1e-6))), -(-len(rest) // processes) or 1)
    chunks = [rest[i : i + size] for i in range(0, len(rest), size)]
    helpers = _start(min(processes, len(chunks))) if processes > 1 and _importable(function) else []
    if helpers:
        yield from _together(helpers, function, chunks)
    else:
        yield from ([function(item) for item in part] for part in chunks)


def _importable(function: Callable[..., object]) -> bool:
    """Tell whether another process finds the function by its module; a ``partial`` counts as what it wraps."""
    return getattr(getattr(function, "func", function), "__module__", "__main__") != "__main__"


Helper = subprocess.Popen[bytes]


def _start(count: int) -> list[Helper]:
    """Start helpers; none where this Python cannot start itself again (embedded, out of processes)."""
    helpers: list[Helper] = []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    try:
        for _ in range(count):
            command = [sys.executable, "-c", START]
            helpers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment))
        for helper in helpers:
            _send(helper, (sys.path, [str(Path(__file__).parents[1])]))
            _receive(helper)
    except (OSError, EOFError):
        _stop(helpers)
        return []
    return helpers


def _send(helper: Helper, message: object) -> None:
    stream = cast("BinaryIO", helper.stdin)
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _receive(helper: Helper) -> object:
    return pickle.load(cast("BinaryIO", helper.stdout))  # our own process at the other end of an anonymous pipe


def _stop(helpers: Sequence[Helper]) -> None:
    for helper in helpers:
        helper.kill()
    for helper in helpers:
        for stream in (helper.stdin, helper.stdout):
            with suppress(OSError):  # what was not yet sent has nobody to read it
                cast("BinaryIO", stream).close()
        helper.wait()


def _together(
    helpers: Sequence[Helper], function: Callable[[T], R], chunks: Sequence[Sequence[T]]
) -> Iterator[list[R]]:
    """Yield the results of each chunk, in order; a thread per helper waits for it."""
    idle: SimpleQueue[Helper] = SimpleQueue()
    for helper in helpers:
        idle.put(helper)

    def work(part: Sequence[T]) -> list[R]:
        helper = idle.get()
        try:
            return _delegate(helper, function, part)
        finally:
            idle.put(helper)

    threads = ThreadPoolExecutor(len(helpers), thread_name_prefix="scitrain-helper")
    try:
        yield from threads.map(work, chunks)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        _stop(helpers)
        threads.shutdown()


def _delegate(helper: Helper, function: Callable[[T], R], part: Sequence[T]) -> list[R]:
    """Have a helper do a chunk; one that ended with an error leaves it to this process, whose caller sees the error.

    Raises:
        HelperError: The helper was killed.
    """
    _ask(helper, function, part)
    return _answer(helper, function, part)


def _ask(helper: Helper, function: Callable[[T], R], part: Sequence[T]) -> None:
    with suppress(OSError):  # it has ended, as the answer will tell
        _send(helper, (function, part))


def _answer(helper: Helper, function: Callable[[T], R], part: Sequence[T]) -> list[R]:
    try:
        return cast("list[R]", _receive(helper))
    except (OSError, EOFError, pickle.UnpicklingError):
        code = helper.wait()
    if code < 0:
        raise HelperError(code)
    return [function(item) for item in part]


def serve() -> None:
    """Work as a helper: read (function, items) from stdin, write the list of results to stdout, until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not end up between the answers
    message: object = True
    while True:
        pickle.dump(message, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()
        try:
            function, items = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        message = [function(item) for item in items]
