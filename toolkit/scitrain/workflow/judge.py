"""Judge a trained network: calibrate on validation, measure once on test, beside the simple models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.evaluation.calibration import Temperature, fit_temperature
from scitrain.evaluation.conformal import Conformal
from scitrain.evaluation.domain import FITTED, Domain, fit_domain
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate
from scitrain.inference.config import TrainedConfig
from scitrain.inference.predictions import Predictions
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.workflow.simple import Simple, SimpleModel

__all__ = ["Judged", "Judging", "calibrate", "judge", "judge_new"]


@dataclass(frozen=True)
class Judging:
    """How a network is judged."""

    coverage: float = 0.9
    seed: int = 42
    calibrated: bool = False
    """True where the network has its temperature already."""
    calibrator: Predictor | None = None
    """Network that has not seen the validation rows, where the judged one was trained on them too: they calibrate by it."""
    conformal: Conformal | None = None
    """Intervals or sets that were calibrated before; None calibrates them on the validation rows."""


@dataclass(frozen=True)
class Judged:
    """What is known of a trained network."""

    evaluation: Evaluation
    baselines: tuple[SimpleModel, ...]
    temperature: Temperature | None
    domain: Domain
    test: Outputs
    inside: np.ndarray
    """bool (n_test,)"""
    distance: np.ndarray
    """(n_test,)"""


def judge(
    prepared: Prepared,
    x: np.ndarray,
    predictor: Predictor,
    how: Judging,
    simple: Simple,
) -> Judged:
    """Calibrate ``predictor`` on the validation rows (its temperature is set), then measure on the test rows.

    Args:
        prepared: Rows, labels and split.
        x: (n, …) array the network reads.
        predictor: Trained network; left calibrated.
        how: Coverage and seed.
        simple: Waits for the simple models; asked once the network itself has been looked at.
    """
    unseen = how.calibrator or predictor
    temperature = None if how.calibrated else calibrate(prepared, x, unseen)
    if temperature is not None:
        predictor.set_temperature(temperature.values)
    outputs = {name: predict_array(predictor, x[rows]) for name, rows in prepared.split.items() if name != "train"}
    domain = _domain(prepared, x, predictor, outputs["val"], how.seed)
    if unseen is not predictor:
        outputs["val"] = predict_array(unseen, x[prepared.split["val"]])
    distance = domain.distance(outputs["test"].representation)
    inside = distance <= domain.threshold
    baselines = tuple(simple())
    test = _predicted(prepared, "test", outputs["test"], predictor, _said(baselines, "test"), inside)
    val = _predicted(prepared, "val", outputs["val"], predictor, _said(baselines, "val"))
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    return Judged(
        evaluate(problem, test, val, how.conformal), baselines, temperature, domain, outputs["test"], inside, distance
    )


def calibrate(prepared: Prepared, x: np.ndarray, predictor: Predictor) -> Temperature | None:
    """Set the temperature of a classifier from its validation rows."""
    if prepared.task == "regression":
        return None
    rows = prepared.split["val"]
    raw = predict_array(predictor, x[rows], logits=True).prediction
    found = fit_temperature(prepared.task, prepared.y[rows], raw)
    predictor.set_temperature(found.values)
    return found


def _domain(prepared: Prepared, x: np.ndarray, predictor: Predictor, val: Outputs, seed: int) -> Domain:
    train = prepared.split["train"]
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:FITTED])
    return fit_domain(predict_array(predictor, x[chosen]).representation, val.representation, seed=seed)


def _said(baselines: Sequence[SimpleModel], split: str) -> dict[str, np.ndarray]:
    return {baseline.name: baseline.said[split] for baseline in baselines}


def judge_new(config: TrainedConfig, y: np.ndarray, found: Predictions, labelled: np.ndarray) -> Evaluation:
    """Measure predictions of new rows with the calibration that the model brought along.

    Args:
        config: Of the trained model.
        y: (n, targets), or (n,) class indices; NaN where missing.
        found: Predictions of the n rows.
        labelled: bool (n,): rows with a label and a prediction.
    """
    spread = found.spread[labelled] if config.task == "regression" and config.members > 1 else None
    inside = None if found.inside is None else found.inside[labelled]
    new = Predicted(y[labelled], found.prediction[labelled], spread, inside)
    problem = Problem(config.task, config.targets, config.coverage, seed=config.seed)
    return evaluate(problem, new, conformal=config.conformal_object())


def _predicted(
    prepared: Prepared,
    split: str,
    outputs: Outputs,
    predictor: Predictor,
    baselines: dict[str, np.ndarray],
    inside: np.ndarray | None = None,
) -> Predicted:
    # one network has no spread: its zeros would say that it is sure
    spread = outputs.spread if prepared.task == "regression" and len(predictor.members) > 1 else None
    return Predicted(prepared.y[prepared.split[split]], outputs.prediction, spread, inside, baselines)
