"""A whole search: the study opened, its processes started and watched, its trials read."""

import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from optuna.study import Study
from pydantic import JsonValue

from scitrain.errors import ScitrainError
from scitrain.executors._queue import gpus
from scitrain.resources import cpu_count, torch_threads
from scitrain.runs import Run, atomic_write
from scitrain.training.learning import Learning
from scitrain.training.processes import write_learning
from scitrain.tuning.importance import importance_of
from scitrain.tuning.job import SearchJob
from scitrain.tuning.loop import Searching
from scitrain.tuning.measuring import cheap
from scitrain.tuning.sampling import queue_first
from scitrain.tuning.space import Parameter
from scitrain.tuning.storage import JOURNAL, mend, open_study, quiet_optuna
from scitrain.tuning.trials import TrialRecord, best_of, front_of, read_trials, requeue, stale, tally

__all__ = ["FOLDER", "JOB", "LEARNING", "Found", "search"]

FOLDER = "checkpoints/search"
JOB, LEARNING = "job.json", "learning.json"
LOOK_S = 0.2
END_SHARE = 0.02
"""A value nearer to an end of its range than this part of it lies at the end."""
GRACE_S = 10.0
"""Seconds a process has to end by itself."""

Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    trials: list[TrialRecord]
    importance: dict[str, float] | None
    """Share of the error's variance that each parameter explains, the largest first; None where it cannot be told."""
    why_no_importance: str | None

    @property
    def best(self) -> TrialRecord:
        """The complete trial with the lowest error, the earliest of equals."""
        return best_of(self.trials)

    @property
    def front(self) -> list[TrialRecord]:
        """Trials that no other beats in one goal without losing in another."""
        return front_of(self.trials)

    def untuned(self, job: SearchJob) -> TrialRecord | None:
        """Return the trial of the network as it is without a search, where it came to its end."""
        return next((t for t in self.trials if t.parameters == job.start and t.values is not None), None)

    def words(self) -> str:
        """Return how many trials came to what."""
        counts = Counter(trial.state for trial in self.trials)
        return f"{len(self.trials)} trials ({', '.join(f'{n} {state}' for state, n in counts.items())})"

    def warnings(self, job: SearchJob) -> list[str]:
        """Return what to keep in mind about the search."""
        best = self.best.parameters
        if best == job.start:
            return ["No variant was better than the untuned network on the validation rows."]
        at_end = [p for p in job.space.parameters if _at_end(p, best[p.name])]
        return [
            f"{p.name} = {best[p.name]:.3g} lies at the end of its range ({p.words()}): search further there."
            for p in at_end
        ]


def search(job: SearchJob, learning: Learning, run: Run) -> Found:
    """Try variants as ``job`` says, going on with the run's own study where it was interrupted.

    Raises:
        ScitrainError: The storage does not serve, or not one variant could be trained.
        CancelledError: Somebody asked the run to stop; finished trials are kept.
    """
    with quiet_optuna():
        if job.storage is None:
            mend(run.path / JOURNAL)
        study = open_study(job, run.path)
        if not study.get_trials(deepcopy=False):
            queue_first(job, study)
        _again(study, run)
        first = Searching(job, study, cheap(learning, job), run)
        with torch_threads(_threads(job)) if job.workers > 1 else torch_threads():
            first.tell(always=True)
            with _others(job, learning, run) as others:
                first.work()
                _wait(first, others)
            if _again(study, run):
                first.work()
        records = read_trials(study, job)
        _refuse_nothing(records, job)
        return Found(records, *importance_of(study, job))


def _at_end(parameter: Parameter, value: JsonValue) -> bool:
    """Tell whether a value lies at an end of its range beyond which there may be more; below zero there is nothing."""
    if parameter.kind == "choice" or not isinstance(value, int | float):
        return False
    low, high, at = parameter.low, parameter.high, float(value)
    if parameter.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    near = END_SHARE * (high - low)
    return high - at < near or (at - low < near and parameter.low != 0)


def _again(study: Study, run: Run) -> bool:
    """Queue again what processes were at that are gone: this one holds the run, and has no others now."""
    left = stale(study, run.id)
    for trial in left:
        run.log(f"trial {trial.number} was interrupted, for its process ended; it is done again")
        requeue(study, trial)
    return bool(left)


def _threads(job: SearchJob) -> int:
    return max(1, cpu_count() // job.workers)


@contextmanager
def _others(job: SearchJob, learning: Learning, run: Run) -> Iterator[Sequence[Child]]:
    """Start the other processes, and see to it that none is left at the end."""
    started: list[Child] = []
    if job.workers > 1:
        write_learning(learning, run.path / FOLDER)
        atomic_write(run.path / FOLDER / JOB, job.model_dump_json())
    try:
        started += [_start(job, run, worker) for worker in range(1, job.workers)]
        yield started
    finally:
        for child in started:
            child.terminate()
        for child in started:
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _start(job: SearchJob, run: Run, worker: int) -> Child:
    seen = gpus()
    environment = os.environ | run.workspace.environment() | {"OMP_NUM_THREADS": str(_threads(job))}
    if seen:
        environment["CUDA_VISIBLE_DEVICES"] = seen[worker % len(seen)]
    command = [sys.executable, "-P", "-m", "scitrain.tuning.worker", str(run.path), str(worker), str(os.getpid())]
    with (run.path / FOLDER / f"{worker}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def _wait(first: Searching, others: Sequence[Child]) -> None:
    """Wait for the trials that others are at, telling how far they are."""
    while any(child.poll() is None for child in others) and not (first.late() and not tally(first.study).running):
        first.tell()
        time.sleep(LOOK_S)


def _refuse_nothing(records: Sequence[TrialRecord], job: SearchJob) -> None:
    """Refuse a search in which no trial came to its end."""
    if any(record.state == "complete" for record in records):
        return
    said = next((record.error for record in records if record.state == "failed" and record.error), None)
    told = f"{len(records)} of {job.n_trials} trials begun"
    if said is None:
        raise ScitrainError(
            f"no variant was trained to its end ({told}); give more time (max_minutes), or fewer epochs or rows (max_rows)"
        )
    raise ScitrainError(f"not one variant could be trained ({told}); the first said: {said}")
