"""From a request to a search with nothing left open, each choice with its reason."""

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from scitrain.contracts.model import ModelSpec
from scitrain.data.prepared import Target
from scitrain.runs import Decision
from scitrain.training.auto import Settings, choose
from scitrain.training.learning import Learning
from scitrain.tuning.job import SearchJob
from scitrain.tuning.measuring import goals_of
from scitrain.tuning.options import TuningOptions
from scitrain.tuning.space import GRID_POINTS, Space, infer

__all__ = ["plan_search"]

TRIALS_FOR_HYPERBAND = 100
NAME = "search"
"""Of a study in a file of its run: Hyperband parts the trials by it, so it must not differ from run to run."""


def plan_search(
    asked: TuningOptions,
    learning: Learning,
    model: ModelSpec | None,
    targets: Sequence[Target],
    deadline: float | None,
    run_id: str,
) -> tuple[SearchJob, list[Decision]]:
    """Settle what is searched and how.

    Args:
        asked: The request's part about the search.
        learning: Rows, network and training options of the untuned network.
        model: The network as the request names it, None where it was chosen.
        targets: What is predicted.
        deadline: `time.time` at which the search ends.
        run_id: Names the study in a database where the request does not.

    Raises:
        ScitrainError: The search space does not fit the network that was chosen.
    """
    space = infer(asked.search, learning.model, model, learning.options)
    settings, _ = choose(learning.options, learning.model, learning.shape, len(learning.train))
    pruner, why_pruner = _pruner(asked)
    goals = goals_of(asked.objective, learning.task, targets)
    job = SearchJob(
        space=space,
        sampler=asked.sampler,
        pruner=pruner,
        goals=goals,
        n_trials=_trials(asked, space, learning.seed),
        seed=learning.seed,
        epochs=settings.epochs,
        patience=settings.patience,
        workers=asked.workers,
        start=_untuned(space, learning, settings),
        deadline=deadline,
        storage=asked.storage,
        study=asked.study or (NAME if asked.storage is None else run_id),
        identity=_identity(space, learning, [goal.name for goal in goals]),
    )
    return job, [
        Decision(what="search", value={p.name: p.words() for p in space.parameters}, why=_why_space(asked)),
        Decision(what="pruner", value=pruner, why=why_pruner),
        Decision(what="n_trials", value=job.n_trials, why=_why_trials(asked, space, learning.seed)),
        Decision(
            what="trials",
            value="one member, one seed",
            why="a variant is judged by one network, the best becomes an ensemble",
        ),
        Decision(what="tuned_epochs", value=settings.epochs, why="not searched: alike for all trials and the best"),
    ]


def _why_space(asked: TuningOptions) -> str:
    return "asked for" if asked.search is not None else "what network and training declare, and the request leaves open"


def _trials(asked: TuningOptions, space: Space, seed: int) -> int:
    return len(space.grid(asked.n_trials, seed)[0]) if asked.sampler == "grid" else asked.n_trials


def _why_trials(asked: TuningOptions, space: Space, seed: int) -> str:
    if asked.sampler != "grid":
        return "asked for, or the default"
    size = space.grid(1, seed)[1]
    return f"of {size:,} points of the grid ({GRID_POINTS} of each range), in a random order"


def _pruner(asked: TuningOptions) -> tuple[Literal["hyperband", "median", "none"], str]:
    if asked.pruner != "auto":
        return asked.pruner, "asked for"
    if asked.objective != "error":
        return "none", "with two objectives no trial is hopeless before its end"
    if asked.n_trials < TRIALS_FOR_HYPERBAND:
        return (
            "median",
            f"fewer than {TRIALS_FOR_HYPERBAND} trials: hyperband parts them into groups too small to learn from",
        )
    return "hyperband", f"{asked.n_trials} trials are enough for its groups"


def _untuned(space: Space, learning: Learning, settings: Settings) -> dict[str, JsonValue]:
    """Return the values of the network as it is without a search."""
    options = learning.options.model_dump(mode="json") | {
        "batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
    }
    of = {"model": learning.model.model_dump(mode="json"), "training": options}
    return {p.name: of[p.of][p.name] for p in space.parameters}


def _identity(space: Space, learning: Learning, goals: Sequence[str]) -> str:
    """Return a hash of the question: data, network, options, space and goals."""
    return hashlib.sha256(f"{learning.key()} {space.model_dump_json()} {goals}".encode()).hexdigest()[:32]
