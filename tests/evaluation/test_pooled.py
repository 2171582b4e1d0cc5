"""What folds say together."""

from math import sqrt

import numpy as np
import pytest

from scitrain.data.prepared import Target
from scitrain.evaluation.pooled import Fold, corrected_t, pool
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.report import evaluate

RNG = np.random.default_rng(5)
PROBLEM = Problem("regression", (Target(name="y", unit="eV"),), resamples=100)


def fold(n: int, noise: float, spans: float = 1.0) -> Fold:
    y, val = RNG.normal(size=(n, 1)), RNG.normal(size=(20, 1))
    simple = {"ridge": y + RNG.normal(scale=0.5, size=y.shape), "mean": np.zeros_like(y)}
    test = Predicted(y, y + RNG.normal(scale=noise, size=y.shape), None, np.arange(n) > 0, simple)
    on_val = Predicted(val, val, baselines={"ridge": val + 0.1, "mean": np.zeros_like(val)})
    own = evaluate(PROBLEM, test, on_val)
    return Fold(test, on_val, test.prediction - spans, test.prediction + spans, None, 3 * n, own)


def test_the_corrected_t_interval_is_that_of_nadeau_and_bengio() -> None:
    found = corrected_t([1.0, 2.0, 3.0], 0.5)
    reach = 4.302652729911275 * sqrt((1 / 3 + 0.5) * 1.0)  # t of 2 degrees of freedom at 97.5 %
    assert found.value == 2.0
    assert found.high == pytest.approx(2.0 + reach)
    assert found.low == pytest.approx(2.0 - reach)
    cut = corrected_t([0.2, 0.5, 0.8], 0.5, within=(0.0, 1.0))
    assert (cut.low, cut.high) == (0.0, 1.0)
    assert corrected_t([1.0], 0.5).reason == "1 folds have a value, an interval needs 2"


def test_pooled_metrics_are_those_of_all_rows_together() -> None:
    folds = [fold(30, 0.1), fold(40, 0.3)]
    evaluation, told = pool(PROBLEM, folds, None)
    apart = np.concatenate([(one.test.prediction - one.test.y).ravel() for one in folds])
    rmse = evaluation.row("rmse")
    assert rmse.value == pytest.approx(sqrt(float((apart**2).mean())))
    assert (rmse.n, rmse.split) == (70, "test")
    deciding = next(metric for metric in told.metrics if metric.name == told.primary)
    assert [one.value for one in deciding.folds] == [one.evaluation.row("rmse").value for one in folds]
    assert deciding.pooled == rmse.value
    found = corrected_t([one.value for one in deciding.folds if one.value is not None], 1 / 3, within=(0.0, np.inf))
    assert (deciding.low, deciding.high) == (found.low, found.high)


def test_the_simple_model_to_beat_is_chosen_on_the_validation_rows_of_all_folds() -> None:
    evaluation, told = pool(PROBLEM, [fold(30, 0.05), fold(30, 0.05)], None)
    assert evaluation.verdict is not None
    assert (evaluation.verdict.baseline, evaluation.verdict.outcome, told.baseline) == ("ridge", "beats", "ridge")
    assert "chosen on validation rows of the folds" in evaluation.verdict.sentence
    assert told.improvement is not None
    assert told.improvement.pooled == evaluation.verdict.improvement
    assert all(one.low is not None and one.value is not None and one.low < one.value for one in told.improvement.folds)


def test_coverage_is_that_of_the_intervals_each_fold_gave() -> None:
    wide, narrow = fold(30, 0.1, spans=9.0), fold(30, 0.1, spans=0.0)
    evaluation, _ = pool(PROBLEM, [wide, narrow], None)
    assert evaluation.row("coverage").value == 0.5
    assert evaluation.row("interval_width").value == pytest.approx(9.0)
    assert evaluation.domain is not None
    assert (evaluation.domain.n_inside, evaluation.domain.n_outside) == (58, 2)


def test_a_metric_that_a_fold_lacks_is_told_with_the_reason() -> None:
    problem = Problem("binary", (Target(name="c", classes=("no", "yes")),), resamples=50)

    def one(y: np.ndarray) -> Fold:
        test = Predicted(y, np.clip(y * 0.6 + 0.2, 0, 1))
        return Fold(test, Predicted(y, test.prediction), None, None, None, 60, evaluate(problem, test, test))

    mixed = (np.arange(20) % 2).astype(float)[:, None]
    evaluation, told = pool(problem, [one(mixed), one(mixed), one(np.ones((20, 1)))], None)
    auroc = next(metric for metric in told.metrics if metric.name == "auroc")
    assert evaluation.row("auroc").value == 1.0
    assert [value.value for value in auroc.folds] == [1.0, 1.0, None]
    assert "undefined in 1 of 3 folds" in str(auroc.reason)
    assert evaluation.verdict is None
    assert told.improvement is None
