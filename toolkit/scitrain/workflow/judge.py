"""Judge a trained network: calibrate on validation, measure once on test, beside the simple models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.evaluation.calibration import Temperature, fit_temperature
from scitrain.evaluation.conformal import LEARNED, MEDIAN, Conformal, HowSure, how_sure
from scitrain.evaluation.domain import FITTED, Domain, fit_domain
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate
from scitrain.inference.config import TrainedConfig
from scitrain.inference.predictions import Predictions
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.workflow.simple import Simple, SimpleModel

__all__ = ["Calibrated", "Judged", "Judging", "calibrate", "judge", "judge_new", "predicted", "said_of", "temper"]


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
    domain: Domain | None
    said: Predictions
    """Of the test rows, with intervals or sets and the domain's flags."""

    @property
    def outside(self) -> int:
        """Number of test rows outside the training domain."""
        return 0 if self.said.inside is None else int((~self.said.inside).sum())


@dataclass(frozen=True)
class Calibrated:
    """What validation rows settle."""

    temperature: Temperature | None
    domain: Domain
    val: Outputs
    """Of the network that has not seen these rows."""


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
    found = calibrate(prepared, x, predictor, how)
    outputs = predict_array(predictor, x[prepared.split["test"]])
    distance = found.domain.distance(outputs.representation)
    inside = distance <= found.domain.threshold
    baselines = tuple(simple())
    test = predicted(prepared, "test", outputs, predictor, said_of(baselines, "test"), inside)
    val = predicted(prepared, "val", found.val, predictor, said_of(baselines, "val"))
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    evaluation = evaluate(problem, test, val, how.conformal)
    said = _with_intervals(outputs, evaluation.conformal, inside, distance)
    return Judged(evaluation, baselines, found.temperature, found.domain, said)


def calibrate(prepared: Prepared, x: np.ndarray, predictor: Predictor, how: Judging) -> Calibrated:
    """Set the temperature of ``predictor`` and learn its domain, by the validation rows."""
    unseen = how.calibrator or predictor
    temperature = None if how.calibrated else temper(prepared, x, unseen)
    if temperature is not None:
        predictor.set_temperature(temperature.values)
    val = predict_array(predictor, x[prepared.split["val"]])
    domain = _domain(prepared, x, predictor, val, how.seed)
    if unseen is not predictor:
        val = predict_array(unseen, x[prepared.split["val"]])
    return Calibrated(temperature, domain, val)


def _with_intervals(
    outputs: Outputs, conformal: Conformal | None, inside: np.ndarray, distance: np.ndarray
) -> Predictions:
    said, spread = outputs.prediction, np.asarray(outputs.spread)
    sure = HowSure(None, None, None) if conformal is None else how_sure(conformal, said, spread, outputs.ends)
    return Predictions(said, spread, *sure, inside, distance, outputs.ends)


def temper(prepared: Prepared, x: np.ndarray, predictor: Predictor) -> Temperature | None:
    """Set the temperature of classes from the validation rows."""
    if prepared.task == "regression":
        return None
    rows = prepared.split["val"]
    raw = predict_array(predictor, x[rows], logits=True).prediction
    what = prepared.slots if prepared.task == "mixed" else prepared.task
    found = fit_temperature(what, prepared.y[rows], raw)
    predictor.set_temperature(found.values)
    return found


def _domain(prepared: Prepared, x: np.ndarray, predictor: Predictor, val: Outputs, seed: int) -> Domain:
    train = prepared.split["train"]
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:FITTED])
    return fit_domain(predict_array(predictor, x[chosen]).representation, val.representation, seed=seed)


def said_of(baselines: Sequence[SimpleModel], split: str) -> dict[str, np.ndarray]:
    """Return what the simple models say of a split."""
    return {baseline.name: baseline.said[split] for baseline in baselines}


def judge_new(config: TrainedConfig, y: np.ndarray, found: Predictions, labelled: np.ndarray) -> Evaluation:
    """Measure predictions of new rows with the calibration that the model brought along.

    Args:
        config: Of the trained model.
        y: (n, targets), or (n,) class indices; NaN where missing.
        found: Predictions of the n rows.
        labelled: bool (n,): rows with a label and a prediction.
    """
    spread = found.spread[labelled] if config.has_numbers and config.tells_spread else None
    inside = None if found.inside is None else found.inside[labelled]
    ends = None if found.ends is None else found.ends[labelled]
    new = Predicted(y[labelled], found.prediction[labelled], spread, inside, ends=ends)
    problem = Problem(config.task, config.targets, config.coverage, seed=config.seed)
    return evaluate(problem, new, conformal=config.conformal_object())


def predicted(
    prepared: Prepared,
    split: str,
    outputs: Outputs,
    predictor: Predictor,
    baselines: dict[str, np.ndarray],
    inside: np.ndarray | None = None,
) -> Predicted:
    """Return labels and outputs of a split as they are judged."""
    # one network with a point has no spread: its zeros would say that it is sure
    numbers = any(target.classes is None for target in prepared.targets)
    spread = outputs.spread if numbers and predictor.tells_spread else None
    floor = LEARNED if predictor.head.tells_spread else MEDIAN
    y = prepared.y[prepared.split[split]]
    return Predicted(y, outputs.prediction, spread, inside, baselines, outputs.ends, floor)
