"""What is known of the trials of a study."""

from collections.abc import Sequence
from typing import Any, Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import JsonValue

from scitrain.spec import Spec
from scitrain.tuning.job import SearchJob

__all__ = [
    "FACTS",
    "RUN",
    "WORKER",
    "Tally",
    "TrialRecord",
    "best_of",
    "front_of",
    "read_trials",
    "requeue",
    "stale",
    "tally",
]

FACTS = "facts"
"""Attribute that every trial gets before it ends: one that failed without was interrupted."""
WORKER = "worker"
RUN = "run"
"""Run whose process is at the trial: a database may hold those of several."""
State = Literal["complete", "pruned", "failed", "interrupted", "running"]
STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
MOST_RETRIES = 2
"""Interruptions after which a variant is taken for what interrupts, as one that the system kills for its memory."""


class TrialRecord(Spec):
    """One trial, as it is written down."""

    number: int
    state: State
    values: list[float] | None
    """One a goal; null where it did not come to its end."""
    parameters: dict[str, JsonValue]
    epochs: int | None
    best_epoch: int | None
    size: int | None
    """Parameters of the network."""
    seconds: float | None
    worker: int | None
    reported: list[float]
    """What the epochs reported."""
    error: str | None
    """Why it failed, or what ended it early."""


class Tally(Spec):
    """How many trials came to what."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    interrupted: int = 0
    running: int = 0

    @property
    def ended(self) -> int:
        """Trials that count: an interrupted one is done again."""
        return self.complete + self.pruned + self.failed

    def words(self) -> str:
        """Return what is not zero."""
        return ", ".join(f"{n} {state}" for state, n in self.model_dump().items() if n)


def read_trials(study: Study, job: SearchJob) -> list[TrialRecord]:
    """Return all trials that were begun, in their order."""
    return [_record(trial, job) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]


def tally(study: Study) -> Tally:
    """Count the trials."""
    counts: dict[str, int] = {}
    for trial in study.get_trials(deepcopy=False):
        if trial.state != TrialState.WAITING:
            counts[_state(trial)] = counts.get(_state(trial), 0) + 1
    return Tally.model_validate(counts)


def best_of(records: Sequence[TrialRecord]) -> TrialRecord:
    """Return the complete trial with the lowest error, the earliest of equals; there must be one."""
    done = [record for record in records if record.values is not None]
    return min(done, key=lambda record: (record.values or [])[0])


def front_of(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the Pareto front: trials that no other beats in one goal without losing in another, by their error."""
    done = [record for record in records if record.values is not None]
    kept = [one for one in done if not any(_dominates(other, one) for other in done)]
    return sorted(kept, key=lambda record: record.values or [])


def _dominates(a: TrialRecord, b: TrialRecord) -> bool:
    pairs = list(zip(a.values or [], b.values or [], strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def stale(study: Study, run_id: str) -> list[FrozenTrial]:
    """Return the trials of a run that say they run; asked where its processes are known to be gone."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [trial for trial in running if trial.user_attrs.get(RUN) == run_id]


def requeue(study: Study, trial: FrozenTrial) -> None:
    """End a trial whose process is gone, and queue its values again."""
    values = trial.params or trial.system_attrs.get("fixed_params", {})
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    earlier = [one for one in failed if _state(one) == "interrupted" and one.params == values]
    study.tell(trial.number, state=TrialState.FAIL)
    if values and len(earlier) < MOST_RETRIES:
        study.enqueue_trial(values)


def _state(trial: FrozenTrial) -> State:
    if trial.state == TrialState.FAIL and FACTS not in trial.user_attrs:
        return "interrupted"
    return STATES[trial.state]


def _record(trial: FrozenTrial, job: SearchJob) -> TrialRecord:
    facts: dict[str, Any] = trial.user_attrs.get(FACTS, {})
    known = {p.name: p.decode(trial.params[p.name]) for p in job.space.parameters if p.name in trial.params}
    return TrialRecord(
        number=trial.number,
        state=_state(trial),
        values=list(trial.values) if trial.state == TrialState.COMPLETE else None,
        parameters=known,
        epochs=facts.get("epochs"),
        best_epoch=facts.get("best_epoch"),
        size=facts.get("size"),
        seconds=facts.get("seconds"),
        worker=trial.user_attrs.get(WORKER),
        reported=[trial.intermediate_values[step] for step in sorted(trial.intermediate_values)],
        error=facts.get("error"),
    )
