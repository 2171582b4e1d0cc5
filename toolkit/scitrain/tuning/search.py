"""A whole search: the study opened, its processes started and watched, its trials read."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from optuna.study import Study
from pydantic import JsonValue

from scitrain.errors import ScitrainError
from scitrain.resources import torch_threads
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.tuning.crew import Crew, crew, threads_of
from scitrain.tuning.importance import importance_of
from scitrain.tuning.job import SearchJob
from scitrain.tuning.loop import Searching
from scitrain.tuning.measuring import cheap
from scitrain.tuning.sampling import queue_first
from scitrain.tuning.space import Parameter
from scitrain.tuning.storage import JOURNAL, mend, open_study, quiet_optuna
from scitrain.tuning.trials import TrialRecord, best_of, front_of, read_trials, requeue, stale, tally

__all__ = ["Found", "search"]

LOOK_S = 0.2
END_SHARE = 0.02
"""A value nearer to an end of its range than this part of it lies at the end."""


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


def search(job: SearchJob, learning: Learning, run: Run, hands: Crew | None = None) -> Found:
    """Try variants as ``job`` says, going on with the run's own study where it was interrupted.

    Args:
        job: What is searched.
        learning: Rows, network and training options of the untuned network.
        run: Keeps the study.
        hands: The other processes, where they were started already.

    Raises:
        ScitrainError: The storage does not serve, or not one variant could be trained.
        CancelledError: Somebody asked the run to stop; finished trials are kept.
    """
    with quiet_optuna(), ExitStack() as stack:
        others = hands or stack.enter_context(crew(job.workers, run))
        if job.storage is None:
            mend(run.path / JOURNAL)
        study = open_study(job, run.path)
        if not study.get_trials(deepcopy=False):
            queue_first(job, study)
        _again(study, run)
        first = Searching(job, study, cheap(learning, job), run)
        with torch_threads(threads_of(job.workers)) if job.workers > 1 else torch_threads():
            first.tell(always=True)
            others.begin(job, learning)
            first.work()
            _wait(first, others)
            others.end()
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


def _wait(first: Searching, others: Crew) -> None:
    """Wait for the trials that others are at, telling how far they are."""
    while others.busy and not (first.late() and not tally(first.study).running):
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
