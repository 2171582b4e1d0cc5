"""A network for each target beside the one of all: what does learning them together gain?"""

import math
from collections.abc import Callable

import numpy as np

from scitrain.data.one_target import one_target
from scitrain.data.prepared import Prepared
from scitrain.evaluation.gain import GainTold, gain_of
from scitrain.evaluation.problem import Problem
from scitrain.figures.save import save
from scitrain.figures.task_gain import task_gain
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predict import predict_array
from scitrain.training.unrecorded import Unrecorded
from scitrain.workflow.judge import temper
from scitrain.workflow.network import Network
from scitrain.workflow.stages import stage
from scitrain.workflow.training import TrainingRequest, learning_of

__all__ = ["Fit", "compare_single"]

SINGLE = "results/single_tasks.json"
FIGURE = "figures/task_gain.png"
Fit = Callable[[Learning, Run], Fitted]
"""How a network is trained; by default as train_model does."""


def compare_single(
    request: TrainingRequest, prepared: Prepared, network: Network, together: np.ndarray, run: Run, how: Fit = fit
) -> GainTold:
    """Train a network of the same kind for each target, compare on the test rows in pairs, write and draw.

    Args:
        request: As all targets were trained by; its time limit is divided among the targets.
        prepared: All targets.
        network: Family and features of the network of all.
        together: (n, outputs) what the network of all says of the test rows.
        run: Where it is written.
        how: What trains a network.
    """
    test = prepared.split["test"]
    alone = np.zeros_like(together, dtype=float)
    with stage(run, "single tasks", f"training a network for each of {len(prepared.targets)} targets"):
        for i, slot in enumerate(prepared.slots):
            run.progress("single tasks", i, len(prepared.slots), slot.name)
            alone[:, slot.start : slot.end] = _said(request, one_target(prepared, i), network, (run, test, i), how)
    problem = Problem(prepared.task, prepared.targets, seed=request.seed)
    told = gain_of(problem, prepared.y[test], together, alone)
    run.write_json(SINGLE, told.model_dump(mode="json"))
    save(task_gain(told), run.file(FIGURE))
    return told


def _said(
    request: TrainingRequest, own: Prepared, network: Network, where: tuple[Run, np.ndarray, int], how: Fit
) -> np.ndarray:
    """Return what a network of one target says of the test rows of all."""
    run, test, index = where
    silent = Unrecorded(run.path, run.workspace)
    fitted = how(learning_of(own, network, _alone(request, index), silent), silent)
    temper(own, network.x, fitted.predictor)
    return predict_array(fitted.predictor, network.x[test]).prediction


def _alone(request: TrainingRequest, index: int) -> TrainingRequest:
    """Return the request for one of its targets: nothing is weighed against others, and nothing of it is kept."""
    weights = request.class_weights
    update: dict[str, object] = {
        "task_weights": "equal",
        "class_weights": weights if isinstance(weights, str) else [weights[index]],
        "checkpoint_seconds": math.inf,
        "loggers": [],
        "devices": 1,
    }
    if request.max_minutes is not None:
        update["max_minutes"] = request.max_minutes / len(request.target or [1])
    return request.model_copy(update=update)
