"""Judge a trained network: calibrate on validation, measure once on test, beside the simple models."""

from dataclasses import dataclass

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Prepared
from scitrain.evaluation.baselines import Baseline, Effort, Rows, fit_baselines
from scitrain.evaluation.calibration import Temperature, fit_temperature
from scitrain.evaluation.domain import FITTED, Domain, fit_domain
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate
from scitrain.resources import cpu_count
from scitrain.training.predict import Outputs, predict_array
from scitrain.training.predictor import Predictor

__all__ = ["Judged", "Judging", "judge"]

BASELINE_SECONDS = 120.0
"""Time for the baselines of a run without a time limit."""
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 where their logits are needed."""


@dataclass(frozen=True)
class Judging:
    """How a network is judged."""

    coverage: float = 0.9
    seed: int = 42
    baseline_seconds: float = BASELINE_SECONDS


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
    temperature = _calibrate(prepared, x, predictor)
    outputs = {name: predict_array(predictor, x[rows]) for name, rows in prepared.split.items() if name != "train"}
    domain = _domain(prepared, x, predictor, outputs["val"], how.seed)
    baselines = _baselines(prepared, natural, how)
    distance = domain.distance(outputs["test"].representation)
    inside = distance <= domain.threshold
    test = _predicted(prepared, "test", outputs["test"], predictor, _said(baselines, prepared, natural, "test"), inside)
    val = _predicted(prepared, "val", outputs["val"], predictor, _said(baselines, prepared, natural, "val"))
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    return Judged(evaluate(problem, test, val), tuple(baselines), temperature, domain, outputs["test"], inside, distance)


def _calibrate(prepared: Prepared, x: np.ndarray, predictor: Predictor) -> Temperature | None:
    """Set the temperature of a classifier from its validation rows."""
    if prepared.task == "regression":
        return None
    rows = prepared.split["val"]
    found = fit_temperature(prepared.task, prepared.y[rows], logits(prepared.task, predict_array(predictor, x[rows]).prediction))
    predictor.set_temperature(found.values)
    return found


def logits(task: Task, p: np.ndarray) -> np.ndarray:
    """Return logits that give the probabilities ``p``, (n, targets) or (n, classes) up to a constant a row."""
    kept = np.clip(np.asarray(p, dtype=float), SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(kept) if task == "multiclass" else np.log(kept) - np.log1p(-kept))


def _domain(prepared: Prepared, x: np.ndarray, predictor: Predictor, val: Outputs, seed: int) -> Domain:
    train = prepared.split["train"]
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:FITTED])
    return fit_domain(predict_array(predictor, x[chosen]).representation, val.representation, seed=seed)


def _baselines(prepared: Prepared, natural: np.ndarray, how: Judging) -> list[Baseline]:
    train, val = (Rows(natural[prepared.split[name]], prepared.y[prepared.split[name]]) for name in ("train", "val"))
    effort = Effort(how.baseline_seconds, cpu_count(), how.seed)
    return fit_baselines(prepared.task, train, val, effort, prepared.n_outputs)


def _said(baselines: list[Baseline], prepared: Prepared, natural: np.ndarray, split: str) -> dict[str, np.ndarray]:
    return {baseline.name: baseline.predict(natural[prepared.split[split]]) for baseline in baselines}


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
