"""One variant: trained on training rows, measured on validation rows."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from pydantic import JsonValue

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.errors import ScitrainError
from scitrain.evaluation.metrics import METRICS, Metric
from scitrain.evaluation.scoring import columns
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.journal import OnEpoch
from scitrain.training.learning import Fitted, Learning
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.training.unrecorded import Unrecorded
from scitrain.tuning.job import Goal, SearchJob
from scitrain.tuning.options import Objective

__all__ = ["Measured", "cheap", "goals_of", "measure", "reported"]

LATENCY_REPEATS = 50
"""Predictions of one row whose median is the latency."""
WARM_UP = 5


@dataclass(frozen=True)
class Measured:
    """What a variant came to."""

    values: tuple[float, ...]
    """One a goal."""
    facts: dict[str, JsonValue]
    """Epochs, best epoch, parameters."""


def cheap(learning: Learning, job: SearchJob) -> Learning:
    """Return the learning as trials do it: one member, one process, nothing written."""
    update = {
        "epochs": job.epochs,
        "patience": job.patience,
        "ensemble": 1,
        "devices": 1,
        "top_k": 1,
        "checkpoint_seconds": math.inf,
        "loggers": [],
    }
    return replace(learning, options=learning.options.model_copy(update=update))


def goals_of(objective: Objective, task: Task, targets: Sequence[Target]) -> list[Goal]:
    """Return what is minimised, the error first."""
    metric = _metric(task)
    several = len(targets) > 1
    title = f"validation {metric.title}"
    if task == "mixed":
        title = f"1 − validation skill, mean of {len(targets)} targets"
    elif several and task == "regression":
        title += f" in standard deviations, mean of {len(targets)} targets"
    else:
        title += f", mean of {len(targets)} targets" if several else f" of {targets[0].name}"
    goals = [Goal(name="error", title=title, unit="" if several else metric.unit(targets[0].unit))]
    if objective == "error_and_latency":
        goals.append(Goal(name="latency", title="latency of one row", unit="ms"))
    if objective == "error_and_parameters":
        goals.append(Goal(name="parameters", title="parameters", unit=""))
    return goals


def reported(row: dict[str, float], learning: Learning) -> float:
    """Return the number of an epoch by which trials are compared before they end, of the same kind as the error."""
    if learning.task != "regression":
        return row["val_loss"]
    squared = learning.head.kind == "point" and learning.y.shape[1] > 1
    return math.sqrt(row["val_loss"]) if squared else row["val_rmse"]


def measure(job: SearchJob, learning: Learning, values: dict[str, JsonValue], run: Run, on_epoch: OnEpoch) -> Measured:
    """Train one variant and measure it on the validation rows; whatever ``on_epoch`` raises ends it.

    Raises:
        ScitrainError: The variant cannot be trained: it diverged, or does not fit the rows or the memory.
    """
    model, options = job.space.apply(values, learning.model, learning.options)
    unrecorded = Unrecorded(run.path, run.workspace)
    fitted = fit(replace(learning, model=model, options=options), unrecorded, on_epoch)
    found = {
        "error": lambda: _error(learning, fitted.predictor),
        "latency": lambda: _latency_ms(learning, fitted.predictor),
        "parameters": lambda: float(_parameters(fitted)),
    }
    return Measured(
        tuple(found[goal.name]() for goal in job.goals),
        {"epochs": len(fitted.history), "best_epoch": fitted.best_epoch, "size": _parameters(fitted)},
    )


def _parameters(fitted: Fitted) -> int:
    return int(str(fitted.facts["parameters"]))


def _metric(task: Task) -> Metric:
    return METRICS[{"regression": "rmse", "mixed": "skill"}.get(task, "log_loss")]


def _error(learning: Learning, predictor: Predictor) -> float:
    """Return RMSE, log loss or 1 − skill on the validation rows; of several numbers the mean, each in its own spread.

    Raises:
        ScitrainError: No target has a validation row with a label.
    """
    said = predict_array(predictor, learning.x[learning.val]).prediction
    what = learning.slots if learning.task == "mixed" else learning.task
    measured = [_metric(learning.task).value(c.y, c.prediction) for c in columns(what, learning.y[learning.val], said)]
    if learning.task == "mixed":
        measured = [None if value is None else 1 - value for value in measured]
    if learning.task == "regression" and len(measured) > 1:
        spread = np.nanstd(learning.y[learning.train], axis=0)
        measured = [None if v is None else v / max(float(s), 1e-12) for v, s in zip(measured, spread, strict=True)]
    known = [value for value in measured if value is not None]
    if not known:
        raise ScitrainError(
            "no validation row has a label; nothing can be chosen by them: make the validation split larger"
        )
    return sum(known) / len(known)


def _latency_ms(learning: Learning, predictor: Predictor) -> float:
    """Return the milliseconds a row takes by itself: the median of many, after some that warm up."""
    row = learning.x[learning.val[:1]]
    times = []
    for _ in range(WARM_UP + LATENCY_REPEATS):
        begin = time.perf_counter()
        predict_array(predictor, row)
        times.append(time.perf_counter() - begin)
    return 1e3 * median(times[WARM_UP:])
