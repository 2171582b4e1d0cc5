import json

import numpy as np
import pytest

from scitrain.data.prepared import Target
from scitrain.errors import DataError
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate

RNG = np.random.default_rng(0)


def regression(n=200, targets=1, noise=0.3, missing=0.0, baseline_noise=1.0):
    y = RNG.normal(size=(n, targets))
    spread = np.abs(RNG.normal(noise, 0.05, size=y.shape))
    labels = np.where(RNG.random(y.shape) < missing, np.nan, y)
    return Predicted(
        y=labels,
        prediction=y + RNG.normal(scale=noise, size=y.shape),
        spread=spread,
        inside=RNG.random(n) < 0.9,
        baselines={"mean": np.zeros_like(y), "ridge": y + RNG.normal(scale=baseline_noise, size=y.shape)},
    )


def classes(n=300, k=3):
    y = RNG.integers(k, size=n)
    logits = RNG.normal(size=(n, k)) + 2 * np.eye(k)[y]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predicted(y=y, prediction=p, inside=np.ones(n, bool), baselines={"majority": np.full((n, k), 1 / k)})


def problem(task="regression", targets=1, unit="eV", **more):
    labels = None if task == "regression" else ("a", "b", "c") if task == "multiclass" else ("no", "yes")
    return Problem(
        task, tuple(Target(name=f"t{i}", unit=unit, classes=labels) for i in range(targets)), resamples=200, **more
    )


def test_a_regression_is_judged_with_intervals_units_baselines_and_a_verdict():
    found = evaluate(problem(), regression(), regression())
    rmse = found.row("rmse")
    assert rmse.unit == "eV"
    assert rmse.n == 200
    assert rmse.low < rmse.value < rmse.high
    assert rmse.baselines["ridge"].difference == pytest.approx(rmse.value - rmse.baselines["ridge"].value)
    assert found.verdict is not None
    assert found.verdict.outcome == "beats"
    assert found.verdict.baseline in {"mean", "ridge"}
    assert "eV" in found.verdict.sentence


def test_a_worse_network_does_not_beat_its_baseline():
    assert evaluate(problem(), regression(noise=2.0), regression(noise=2.0)).verdict.outcome == "does_not_beat"


def test_the_report_is_finite_json_and_comes_back():
    found = evaluate(problem(targets=2), regression(targets=2, missing=0.2), regression(targets=2))
    text = json.dumps(found.model_dump(mode="json"), allow_nan=False)
    assert Evaluation.model_validate_json(text) == found


def test_measured_coverage_is_near_the_asked_one_on_exchangeable_rows():
    row = evaluate(problem(coverage=0.8), regression(2000), regression(2000)).row("coverage")
    assert row.low <= 0.82
    assert row.high >= 0.78
    assert row.higher_is_better is None


def test_interval_width_is_twice_the_reach_worked_by_hand():
    val = Predicted(y=np.arange(9.0)[:, None], prediction=np.zeros((9, 1)))
    test = Predicted(y=np.zeros((4, 1)), prediction=np.zeros((4, 1)))
    # residuals 0…8, coverage 0.8: the ceil(10 * 0.8) = 8th smallest is 7, so every interval is ±7
    found = evaluate(problem(coverage=0.8), test, val)
    assert found.row("interval_width").value == pytest.approx(14.0)
    assert found.row("coverage").value == 1.0


def test_targets_of_different_units_have_no_mean_error_and_say_why():
    two = Problem("regression", (Target(name="a", unit="eV"), Target(name="b", unit="K")), resamples=200)
    found = evaluate(two, regression(targets=2), regression(targets=2))
    mean = found.row("rmse")
    assert mean.target is None
    assert mean.value is None
    assert "different units (K, eV)" in mean.reason
    assert found.primary == "r2"


def test_classes_get_sets_reliability_and_their_size():
    found = evaluate(problem("multiclass"), classes(), classes())
    assert found.row("set_size").value >= 1
    assert found.calibration[0].reliability
    assert found.row("coverage").value > 0.8
    assert found.domain.n_outside == 0
    assert "outside: no test rows" in found.domain.reason


def test_a_multilabel_test_with_missing_labels_counts_only_what_is_labelled():
    y = np.array([[1, np.nan], [0, 1], [1, 0], [0, 0], [1, 1]] * 10, dtype=float)
    split = Predicted(
        y=y, prediction=np.full(y.shape, 0.5) + 0.1 * np.nan_to_num(y), baselines={"majority": np.full(y.shape, 0.5)}
    )
    found = evaluate(problem("multilabel", targets=2), split, split)
    assert found.row("auroc", "t0").n == 50
    assert found.row("auroc", "t1").n == 40
    assert found.row("auroc", "t1").value == 1.0


def test_new_data_are_judged_with_the_stored_calibration():
    stored = evaluate(problem(), regression(), regression()).conformal
    found = evaluate(problem(), regression(50), conformal=stored)
    assert found.conformal == stored
    assert found.verdict is None
    assert all(row.split == "test" for row in found.metrics)


def test_a_prediction_that_is_not_a_number_is_an_error():
    bad = regression(20)
    bad.prediction[3] = np.nan
    with pytest.raises(DataError, match="diverged"):
        evaluate(problem(), bad, regression(20))
