"""Train the best variant of a search as a normal run, which alone meets the test rows."""

from dataclasses import dataclass

from pydantic import JsonValue

from scitrain.runs import Run
from scitrain.workflow.child import reopened, worked
from scitrain.workflow.training import TrainingRequest

__all__ = ["BEST", "Best", "train_best"]

BEST = "results/best_run.json"
OPERATION = "train_model"


@dataclass(frozen=True)
class Best:
    """What won."""

    request: TrainingRequest
    """With the best values filled in."""
    trial: int
    parameters: dict[str, JsonValue]
    why: str


def train_best(best: Best, run: Run) -> Run:
    """Train it in a run whose parent is ``run``; one that was begun before is gone on with, one that is done is taken.

    Raises:
        ScitrainError: The training failed.
        CancelledError: Somebody asked it to stop.
    """
    child = _begun(best, run) or _new(best, run)
    if child.record().status != "completed":
        child.decide("hyperparameters", best.parameters, best.why)
    return worked(child, run, "best variant")


def _begun(best: Best, run: Run) -> Run | None:
    """Return the run in which an interrupted search has begun to train this very variant, ready to go on."""
    if not (run.path / BEST).is_file():
        return None
    said = run.read_json(BEST)
    return reopened(said["run_id"], run) if said["trial"] == best.trial else None


def _new(best: Best, run: Run) -> Run:
    child = Run.create(OPERATION, best.request.model_dump(mode="json"), run.workspace, [run.id])
    run.write_json(BEST, {"run_id": child.id, "trial": best.trial, "parameters": best.parameters})
    return child
