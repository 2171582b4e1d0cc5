"""The further processes of a search: started early, set to work when it is settled, gone at its end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from scitrain.executors._queue import gpus
from scitrain.resources import cpu_count
from scitrain.runs import Run, atomic_write
from scitrain.training.learning import Learning
from scitrain.training.processes import write_learning
from scitrain.tuning.job import SearchJob

__all__ = ["BEGIN", "FOLDER", "JOB", "LEARNING", "Crew", "crew", "threads_of"]

FOLDER = "checkpoints/search"
JOB, LEARNING = "job.json", "learning.json"
BEGIN = b"begin\n"
"""Told to a process once what it works at is written; an end of file instead says that there is nothing to do."""
GRACE_S = 10.0
"""Seconds a process has to end by itself."""

Child = subprocess.Popen[bytes]


@dataclass
class Crew:
    """Processes that wait for their work, or are at it."""

    run: Run
    children: list[Child] = field(default_factory=list)

    def begin(self, job: SearchJob, learning: Learning) -> None:
        """Write down what is searched, and let them begin."""
        if not self.children:
            return
        write_learning(learning, self.run.path / FOLDER)
        atomic_write(self.run.path / FOLDER / JOB, job.model_dump_json())
        for child in self.children:
            _tell(child, BEGIN)

    @property
    def busy(self) -> bool:
        """Tell whether one of them has not ended."""
        return any(child.poll() is None for child in self.children)

    def end(self) -> None:
        """Send home whoever is left."""
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            _tell(child, b"")


@contextmanager
def crew(workers: int, run: Run) -> Iterator[Crew]:
    """Start all processes of a search but the first, which is this one.

    To import torch takes seconds, in which this process can prepare the data; none is left at the end.
    """
    found = Crew(run)
    try:
        found.children += [_start(run, worker, workers) for worker in range(1, workers)]
        yield found
    finally:
        found.end()


def threads_of(workers: int) -> int:
    """Return the threads that each of so many processes takes."""
    return max(1, cpu_count() // workers)


def _start(run: Run, worker: int, workers: int) -> Child:
    seen = gpus()
    environment = os.environ | run.workspace.environment() | {"OMP_NUM_THREADS": str(threads_of(workers))}
    if seen:
        environment["CUDA_VISIBLE_DEVICES"] = seen[worker % len(seen)]
    command = [sys.executable, "-P", "-m", "scitrain.tuning.worker", str(run.path), str(worker), str(os.getpid())]
    (run.path / FOLDER).mkdir(parents=True, exist_ok=True)
    with (run.path / FOLDER / f"{worker}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment)


def _tell(child: Child, words: bytes) -> None:
    """Say something to a process, the last thing it hears; one that is gone hears nothing."""
    if child.stdin is not None and not child.stdin.closed:
        with suppress(OSError):
            child.stdin.write(words)
        with suppress(OSError):
            child.stdin.close()
