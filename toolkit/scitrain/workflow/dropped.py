"""A trained model that predicts by MC dropout, calibrated for it on the validation rows of its own training."""

from dataclasses import replace

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.errors import ScitrainError
from scitrain.evaluation.calibration import fit_temperature
from scitrain.evaluation.conformal import LEARNED, Conformal
from scitrain.evaluation.report import Predicted, Problem, calibrated
from scitrain.inference import TrainedConfig, TrainedModel, load_model, load_predictor
from scitrain.resources import choose_device
from scitrain.runs import Run
from scitrain.training.predictor import Predictor
from scitrain.training.stochastic import member_outputs, stochastic_compute
from scitrain.workflow.again import prepared_again
from scitrain.workflow.network import represented
from scitrain.workflow.stages import stage

__all__ = ["dropout_model"]


def dropout_model(source: Run, run: Run, passes: int) -> TrainedModel:
    """Return the model of ``source`` whose answers are the mean of ``passes`` passes with dropout on; needs torch.

    The same passes, by the model's seed, calibrate and predict: what is said of a row is the same each time.

    Raises:
        ScitrainError: The network has no dropout, or there are no rows that could calibrate it.
    """
    _check(source)
    model = load_model(source, "torch")
    config, predictor = model.config, load_predictor(source)
    prepared = prepared_again(source, run)
    x = represented(prepared, model.featuriser, run)[prepared.split["val"]]
    with stage(run, "calibrate", f"calibrating {passes} passes with dropout on"):
        conformal = _calibrated(config, predictor, x, prepared, passes)
    why = f"mc_dropout={passes} was asked for; calibrated on {len(x):,} validation rows"
    run.decide("intervals", "MC dropout", why)
    compute = stochastic_compute(predictor, passes, config.seed, choose_device()[0])
    return replace(model, compute=compute, conformal=conformal)


def _check(source: Run) -> None:
    record = source.record()
    if "data" not in record.spec:
        trained = f"; name the run that trained it, run={record.parents[0]!r}" if record.parents else ""
        raise ScitrainError(f"mc_dropout: run {source.id} knows no validation rows to calibrate on{trained}")
    if record.spec.get("refit") is True:
        raise ScitrainError(
            f"mc_dropout: {source.id} was trained on its validation rows too (refit=true), so none are left to calibrate "
            "intervals on; train without refit, or leave mc_dropout out"
        )


def _calibrated(
    config: TrainedConfig, predictor: Predictor, x: np.ndarray, prepared: Prepared, passes: int
) -> Conformal:
    """Set the temperature of a classifier and return intervals or sets, both for the mean of the passes."""
    outputs = member_outputs(predictor, x, passes, config.seed)
    y = prepared.y[prepared.split["val"]]
    problem = Problem(config.task, config.targets, config.coverage)
    if config.task != "regression":
        predictor.set_temperature(fit_temperature(problem.what, y, predictor.pool(outputs).numpy()).values)
    prediction, spread, *further = (part.numpy() for part in predictor.combine(outputs))
    ends = further[0] if further else None
    return calibrated(
        problem, Predicted(y, prediction, spread if config.has_numbers else None, ends=ends, floor=LEARNED)
    )
