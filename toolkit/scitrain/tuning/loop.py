"""What each process of a search does: take the next variant, train and measure it, write down what came of it."""

import math
import os
import time
from dataclasses import dataclass, field

from optuna.study import Study
from optuna.trial import Trial, TrialState
from pydantic import JsonValue

from scitrain.errors import CancelledError, ScitrainError
from scitrain.figures.words import number, with_unit
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.tuning.job import SearchJob
from scitrain.tuning.measuring import measure, reported
from scitrain.tuning.sampling import make_pruner, make_sampler
from scitrain.tuning.storage import exclusive
from scitrain.tuning.trials import FACTS, RUN, WORKER, Tally, best_of, read_trials, tally

__all__ = ["OrphanedError", "Searching"]

BETWEEN_S = 0.5
"""Shortest time between two words of progress."""


class PrunedError(Exception):
    """The trial is given up early."""


class OrphanedError(Exception):
    """The process that started this one is gone."""


@dataclass
class Searching:
    """One process at work on a study."""

    job: SearchJob
    study: Study
    learning: Learning
    run: Run
    worker: int = 0
    parent: int | None = None
    """Process without which this one ends; None for the first."""
    began: float = field(default_factory=time.time)
    before: int = 0
    """Trials that had ended when this process began."""
    _told: float = 0.0

    def __post_init__(self) -> None:
        self.study.pruner = make_pruner(self.job)
        self.before = tally(self.study).ended

    def work(self) -> None:
        """Try variants until there are enough, or the time is up."""
        while (trial := self._next()) is not None:
            self._attempt(*trial)
            self.tell(always=True)

    def _next(self) -> tuple[Trial, dict[str, JsonValue]] | None:
        """Begin a trial, unless all that were asked for are begun."""
        with exclusive(self.run.path):
            now = tally(self.study)
            if now.ended + now.running >= self.job.n_trials or self.late():
                return None
            begun = now.ended + now.running + now.interrupted
            self.study.sampler = make_sampler(self.job, self.worker, begun)
            trial = self.study.ask()
            trial.set_user_attr(RUN, self.run.id)
            trial.set_user_attr(WORKER, self.worker)
            return trial, self.job.space.suggest(trial)

    def late(self) -> bool:
        """Tell whether the time is up."""
        return self.job.deadline is not None and time.time() >= self.job.deadline

    def _attempt(self, trial: Trial, values: dict[str, JsonValue]) -> None:
        """Train and measure one variant, and write down what came of it; only a stop on request goes on outwards."""
        begin = time.monotonic()
        epochs = 0

        def on_epoch(row: dict[str, float]) -> None:
            nonlocal epochs
            epochs = int(row["epoch"])
            self._after_epoch(trial, row)

        facts: dict[str, JsonValue] = {}
        found: tuple[float, ...] | None = None
        state = TrialState.FAIL
        try:
            measured = measure(self.job, self.learning, values, self.run, on_epoch)
            found, facts, state = measured.values, measured.facts, TrialState.COMPLETE
        except PrunedError as pruned:
            facts, state = {"error": str(pruned)}, TrialState.PRUNED
        except CancelledError:
            raise
        except (ScitrainError, RuntimeError, ValueError, MemoryError) as error:
            facts = {"error": f"{'' if isinstance(error, ScitrainError) else type(error).__name__ + ': '}{error}"}
        facts = {"epochs": epochs} | facts | {"seconds": round(time.monotonic() - begin, 3)}
        trial.set_user_attr(FACTS, facts)
        self.study.tell(trial, found, state=state if found is None else None)
        told: dict[str, JsonValue] = {"number": trial.number, "state": state.name.lower(), "worker": self.worker}
        self.run.event("trial", **told, values=list(found or ()) or None, parameters=values, **facts)

    def _after_epoch(self, trial: Trial, row: dict[str, float]) -> None:
        """Report an epoch, and give the trial up where it is hopeless or the time is up."""
        if self.parent is not None and os.getppid() != self.parent:
            raise OrphanedError
        value, epoch = reported(row, self.learning), int(row["epoch"])
        if len(self.job.goals) == 1 and math.isfinite(value):
            trial.report(value, epoch)
        self.tell()
        if self.late():
            raise PrunedError("the time was up")
        # after the last epoch there is nothing left to be spared
        if self.job.pruner != "none" and epoch < self.job.epochs and trial.should_prune():
            raise PrunedError(f"given up after epoch {epoch} by {self.job.pruner}")

    def tell(self, always: bool = False) -> None:
        """Say how far the search is; only the first process does, for all of them."""
        if self.worker or (not always and time.monotonic() - self._told < BETWEEN_S):
            return
        self._told = time.monotonic()
        now = tally(self.study)
        self.run.progress("tune", now.ended, self.job.n_trials, self._words(now))

    def _words(self, now: Tally) -> str:
        goal = self.job.goals[0]
        parts = [f"trial {min(now.ended + now.running, self.job.n_trials)}/{self.job.n_trials}"]
        if now.complete:
            best = best_of(read_trials(self.study, self.job))
            value = (best.values or [])[0]
            parts.append(f"best {goal.title} {with_unit(number(value), goal.unit)} (trial {best.number})")
        parts += [f"{n} {word}" for word, n in (("pruned", now.pruned), ("failed", now.failed)) if n]
        left = self._seconds_left(now)
        return " · ".join([*parts, *([] if left is None else [f"about {_duration(left)} left"])])

    def _seconds_left(self, now: Tally) -> float | None:
        """Return the seconds until the end, by the pace so far; None where no trial has ended."""
        done = now.ended - self.before
        if done <= 0:
            return None
        left = (time.time() - self.began) / done * (self.job.n_trials - now.ended)
        return left if self.job.deadline is None else max(0.0, min(left, self.job.deadline - time.time()))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
