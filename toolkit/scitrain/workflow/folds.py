"""Train a run for each fold, one after the other; each is the test once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from scitrain.errors import CancelledError, ScitrainError
from scitrain.runs import Run
from scitrain.workflow.best import BEST
from scitrain.workflow.child import reopened, worked
from scitrain.workflow.training import TrainingRequest

__all__ = ["FoldRun", "minutes_left", "spec_of_fold", "train_folds", "trained_folds"]

BEGUN = "checkpoints/folds.json"
"""Run of each fold that was begun, by its number."""
SHORTEST = 0.1
"""Part of an equal share of the time that a fold gets at least, when those before it took longer."""

Spec = Mapping[str, JsonValue]


@dataclass(frozen=True)
class FoldRun:
    """A fold and its runs."""

    fold: int
    run: Run
    """Run of ``train_model``, or of a search."""

    @property
    def trained(self) -> Run:
        """Run of ``train_model`` that met the test rows: of a search the best variant's."""
        if not (self.run.path / BEST).is_file():
            return self.run
        return Run.open(self.run.read_json(BEST)["run_id"], self.run.workspace)


def train_folds(
    folds: Sequence[int], operation: str, spec_of: Callable[[int, float | None], Spec], minutes: float | None, run: Run
) -> list[FoldRun]:
    """Work on a run of each fold whose parent is ``run``; those that were begun before are gone on with, those done are taken.

    Args:
        folds: Their numbers.
        operation: What each run is, such as ``train_model``.
        spec_of: Request of a fold and its share of the time.
        minutes: For all folds and what comes after them, which gets a share like a fold's.
        run: Parent; told the progress.

    Raises:
        ScitrainError: A fold failed; says which.
        CancelledError: Somebody asked it to stop.
    """
    found: list[FoldRun] = []
    for at, fold in enumerate(folds):
        left = minutes_left(minutes, found, len(folds) + 1 - at)
        child = _begun(fold, run) or _new(fold, operation, spec_of(fold, left), run)
        what = f"fold {at + 1} of {len(folds)}"
        run.progress("folds", at, len(folds), what)
        try:
            worked(child, run, what)
        except CancelledError:
            raise
        except ScitrainError as error:
            raise ScitrainError(f"fold {fold}, run {child.id}: {error}") from error
        found.append(FoldRun(fold, child))
    return found


def spec_of_fold(request: TrainingRequest, changes: Spec) -> Callable[[int, float | None], Spec]:
    """Return what makes the request of a fold from that of all: its number, its share of the time, and ``changes``.

    Nothing is exported: a fold's network is judged and put aside; `export_model` does it where one is wanted.
    """
    said = request.model_dump(mode="json")

    def spec(fold: int, minutes: float | None) -> Spec:
        split = {**said["split"], "fold": fold}
        return {**said, "split": split, "max_minutes": minutes, "export": [], **changes}

    return spec


def minutes_left(minutes: float | None, done: Sequence[FoldRun], parts: int) -> float | None:
    """Return an equal share of the time that ``done`` has left for ``parts`` more; None where there is no limit."""
    if minutes is None:
        return None
    spent = sum(one.run.record().timings.get("total", 0.0) for one in done) / 60
    return max((minutes - spent) / parts, SHORTEST * minutes / (len(done) + parts))


def trained_folds(run: Run) -> list[FoldRun]:
    """Return the runs of the folds of a cross-validation; none where ``run`` is none."""
    begun = run.read_json(BEGUN) if (run.path / BEGUN).is_file() else {}
    return [FoldRun(int(fold), Run.open(run_id, run.workspace)) for fold, run_id in begun.items()]


def _begun(fold: int, run: Run) -> Run | None:
    begun = run.read_json(BEGUN) if (run.path / BEGUN).is_file() else {}
    return reopened(begun[str(fold)], run) if str(fold) in begun else None


def _new(fold: int, operation: str, spec: Spec, run: Run) -> Run:
    begun = run.read_json(BEGUN) if (run.path / BEGUN).is_file() else {}
    child = Run.create(operation, dict(spec), run.workspace, [run.id])
    run.write_json(BEGUN, begun | {str(fold): child.id})
    return child
