"""Train the network that a run keeps; after a cross-validation from all rows, its quality told by the folds."""

from dataclasses import replace

from scitrain.data.prepared import Prepared
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted
from scitrain.training.predictor import Predictor
from scitrain.training.refit import refit
from scitrain.workflow.augmented import show_augmentations
from scitrain.workflow.finish import Finish, finish
from scitrain.workflow.folds import FoldRun
from scitrain.workflow.judge import Judging
from scitrain.workflow.network import Network
from scitrain.workflow.pool import Pooled, judge_folds, write_folds
from scitrain.workflow.stages import stage
from scitrain.workflow.training import TrainingRequest, learning_of

__all__ = ["fit_network", "keep"]


def fit_network(
    request: TrainingRequest, prepared: Prepared, network: Network, run: Run
) -> tuple[Fitted, Predictor | None]:
    """Return the trained network and, where that was trained again on the validation rows too, the first one."""
    learning = learning_of(prepared, network, request, run)
    with stage(run, "train", "training"):
        first = fit(learning, run)
    show_augmentations(run, first, learning)
    if not request.refit:
        return first, None
    with stage(run, "refit", "training on the validation rows too"):
        return refit(learning, first, run), first.predictor


def keep(request: TrainingRequest, prepared: Prepared, network: Network, runs: list[FoldRun], run: Run) -> Pooled:
    """Train on all rows as each fold did on its own, and write everything down: the folds' numbers with this network.

    Args:
        request: With the values that were chosen, where they were searched, and the time that is left.
        prepared: All rows, none of them for the test.
        network: What is trained.
        runs: Of the folds, which have met their test rows.
        run: Of the cross-validation.
    """
    run.decide(
        "kept network",
        "trained on all rows",
        f"it learns from more rows than any of the {len(runs)} folds' networks, whose test rows say how good this way of training is",
    )
    fitted, calibrator = fit_network(request, prepared, network, run)
    how = Judging(request.coverage, request.seed, calibrator=calibrator)
    with stage(run, "evaluate", "judging the folds together"):
        pooled = judge_folds(prepared, network.x, fitted.predictor, how, runs)
    write_folds(run, pooled)
    told = Finish(source=request.data, coverage=request.coverage, seed=request.seed, export=tuple(request.export))
    finish(run, pooled.prepared, network, fitted.predictor, pooled.judged, told)
    return replace(pooled, prepared=prepared)
