"""Judge a trained network: calibrate on validation, measure once on test, beside the simple models."""

from dataclasses import dataclass

import numpy as np

from scitrain.data.columns import take
from scitrain.data.prepared import Prepared
from scitrain.evaluation.baselines import Baseline, Effort, Rows, fit_baselines
from scitrain.evaluation.calibration import Temperature, fit_temperature
from scitrain.evaluation.domain import FITTED, Domain, fit_domain
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate
from scitrain.inference.config import TrainedConfig
from scitrain.inference.predictions import Predictions
from scitrain.resources import cpu_count
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor

__all__ = ["Judged", "Judging", "judge", "judge_new"]

BASELINE_SECONDS = 120.0
"""Time for the baselines of a run without a time limit."""


@dataclass(frozen=True)
class Judging:
    """How a network is judged."""

    coverage: float = 0.9
    seed: int = 42
    baseline_seconds: float = BASELINE_SECONDS
    """Time for all simple models together."""
    calibrated: bool = False
    """True where the network has its temperature already."""


@dataclass(frozen=True)
class Judged:
    """What is known of a trained network."""

    evaluation: Evaluation
    baselines: tuple[Baseline, ...]
    temperature: Temperature | None
    domain: Domain
    test: Outputs
    inside: np.ndarray
    """bool (n_test,)"""
    distance: np.ndarray
    """(n_test,)"""


def judge(prepared: Prepared, x: np.ndarray, natural: np.ndarray, predictor: Predictor, how: Judging) -> Judged:
    """Calibrate ``predictor`` on the validation rows (its temperature is set), then measure on the test rows.

    Args:
        prepared: Rows, labels and split.
        x: (n, …) array the network reads.
        natural: (n, …) array the baselines read.
        predictor: Trained network; left calibrated.
        how: Coverage, seed, time for the baselines.
    """
    temperature = None if how.calibrated else _calibrate(prepared, x, predictor)
    outputs = {name: predict_array(predictor, x[rows]) for name, rows in prepared.split.items() if name != "train"}
    domain = _domain(prepared, x, predictor, outputs["val"], how.seed)
    baselines = _baselines(prepared, natural, how)
    distance = domain.distance(outputs["test"].representation)
    inside = distance <= domain.threshold
    test = _predicted(prepared, "test", outputs["test"], predictor, _said(baselines, prepared, natural, "test"), inside)
    val = _predicted(prepared, "val", outputs["val"], predictor, _said(baselines, prepared, natural, "val"))
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    return Judged(
        evaluate(problem, test, val), tuple(baselines), temperature, domain, outputs["test"], inside, distance
    )


def _calibrate(prepared: Prepared, x: np.ndarray, predictor: Predictor) -> Temperature | None:
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


def _baselines(prepared: Prepared, natural: np.ndarray, how: Judging) -> list[Baseline]:
    train, val = (Rows(natural[prepared.split[name]], prepared.y[prepared.split[name]]) for name in ("train", "val"))
    effort = Effort(how.baseline_seconds, cpu_count(), how.seed)
    found = fit_baselines(prepared.task, train, val, effort, prepared.n_outputs)
    last = _last_value(prepared, train)
    return found if last is None else [*found, last]


def _last_value(prepared: Prepared, train: Rows) -> Baseline | None:
    """Return the forecast that nothing changes, which many a network does not beat; None where nothing is forecast.

    The natural features hold the window of the forecast column first, standardised; a line through the training rows undoes that.
    """
    layout = prepared.report.get("series")
    if not isinstance(layout, dict) or not layout["horizon"]:
        return None
    at = int(str(layout["window"])) - 1
    cells = take(prepared.columns, prepared.split["train"])[str(layout["target"])]
    last = np.array([float(cell.rpartition(" ")[2]) for cell in cells])
    slope, start = np.polyfit(train.x[:, at].astype(float), last, 1)
    steps = len(prepared.targets)
    note = "the last value known, for every step"
    return Baseline(
        "last value", note, lambda x: np.repeat(start + slope * x[:, at : at + 1].astype(float), steps, axis=1)
    )


def _said(baselines: list[Baseline], prepared: Prepared, natural: np.ndarray, split: str) -> dict[str, np.ndarray]:
    return {baseline.name: baseline.predict(natural[prepared.split[split]]) for baseline in baselines}


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
