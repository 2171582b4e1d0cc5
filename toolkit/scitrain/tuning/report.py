"""What a search leaves behind for people and programs: ``results/optuna_trials.json``."""

from pydantic import JsonValue

from scitrain.runs import Run
from scitrain.tuning.job import SearchJob
from scitrain.tuning.search import Found

__all__ = ["TRIALS", "write_trials"]

TRIALS = "results/optuna_trials.json"


def write_trials(run: Run, job: SearchJob, found: Found) -> dict[str, JsonValue]:
    """Write all trials, the best, the Pareto front and the importances; return what stands there."""
    said: dict[str, JsonValue] = {
        "run_id": run.id,
        "study": job.study,
        "sampler": job.sampler,
        "pruner": job.pruner,
        "seed": job.seed,
        "workers": job.workers,
        "objectives": [goal.model_dump(mode="json") for goal in job.goals],
        "space": job.space.told(),
        "most_epochs": job.epochs,
        "best": found.best.number,
        "front": [record.number for record in found.front],
        "importance": None if found.importance is None else {**found.importance},
        "why_no_importance": found.why_no_importance,
        "trials": [record.model_dump(mode="json") for record in found.trials],
    }
    run.write_json(TRIALS, said)
    return said
