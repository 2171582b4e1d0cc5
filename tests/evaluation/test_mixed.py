"""Numbers and classes judged together."""

import json

import numpy as np
import pytest

from scitrain.data.prepared import Target
from scitrain.data.slots import Slot
from scitrain.evaluation.baselines import Effort, Rows, fit_baselines
from scitrain.evaluation.calibration import fit_temperature
from scitrain.evaluation.conformal import ConformalMixed, how_sure
from scitrain.evaluation.gain import gain_of
from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.report import Evaluation, Predicted, Problem, calibrated, evaluate

TARGETS = (
    Target(name="energy", unit="eV"),
    Target(name="stable", classes=("no", "yes")),
    Target(name="system", classes=("a", "b", "c")),
)
PROBLEM = Problem("mixed", TARGETS, resamples=200)


def softmax(z: np.ndarray) -> np.ndarray:
    odds = np.exp(z)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def made(seed: int, n: int = 300, skill: float = 2.0) -> Predicted:
    rng = np.random.default_rng(seed)
    energy, stable, system = rng.normal(size=n), rng.integers(2, size=n), rng.integers(3, size=n)
    p = 1 / (1 + np.exp(-(skill * (2 * stable - 1) + rng.normal(size=n))))
    q = softmax(skill * np.eye(3)[system] + rng.normal(size=(n, 3)))
    y = np.stack([energy, stable, system], axis=1).astype(float)
    y[rng.random(y.shape) < 0.2] = np.nan
    guess = energy + rng.normal(scale=1 / skill, size=n)
    prediction = np.concatenate([guess[:, None], p[:, None], q], axis=1)
    constant = np.tile([0.0, 0.5, 1 / 3, 1 / 3, 1 / 3], (n, 1))
    return Predicted(y, prediction, np.full(prediction.shape, 0.5), rng.random(n) < 0.9, {"mean or majority": constant})


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(PROBLEM, made(0), made(1))


def skill(y: list[float], prediction: np.ndarray) -> float | None:
    return METRICS["skill"].value(np.array(y), prediction)


def test_the_skill_of_numbers_is_their_r2_and_that_of_classes_the_brier_skill_score() -> None:
    assert skill([1.0, 2.0, 3.0], np.array([1.0, 2.0, 2.0])) == pytest.approx(0.5)
    # errors 2 (0.1² + 0.2² + 0.4²) = 0.42; of the shares ⅓ and ⅔: 3 (1 − 5/9) = 4/3
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    assert skill([0.0, 1.0, 1.0], probabilities) == pytest.approx(1 - 0.42 / (4 / 3))
    assert skill([0.0, 1.0, 1.0], np.tile([1 / 3, 2 / 3], (3, 1))) == pytest.approx(0.0)


def test_the_skill_of_a_single_class_is_undefined() -> None:
    assert skill([1.0, 1.0], np.array([[0.1, 0.9], [0.2, 0.8]])) is None


def test_each_target_has_the_metrics_of_its_own_task_and_all_have_one_in_common(found: Evaluation) -> None:
    names = {t: {row.name for row in found.metrics if row.target == t} for t in ("energy", "stable", "system", None)}
    assert {"rmse", "r2", "interval_width", "skill"} <= names["energy"]
    assert {"auroc", "ece", "set_size", "skill"} <= names["stable"]
    assert {"balanced_accuracy", "log_loss", "skill"} <= names["system"]
    assert names[None] == {"skill"}
    assert found.row("rmse", "energy").unit == "eV"
    assert found.row("auroc", "stable").n == int(np.isfinite(made(0).y[:, 1]).sum())


def test_the_mean_of_the_skills_decides_with_an_interval(found: Evaluation) -> None:
    each = [found.row("skill", target.name).value for target in TARGETS]
    mean = found.row("skill")
    assert mean.value == pytest.approx(np.mean([value for value in each if value is not None]))
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < mean.value < mean.high
    assert found.verdict is not None
    assert found.verdict.outcome == "beats"
    assert found.verdict.metric == "skill"
    assert found.domain is not None
    assert found.domain.metric == "skill"


def test_a_mixed_evaluation_survives_json(found: Evaluation) -> None:
    assert Evaluation.model_validate(json.loads(json.dumps(found.model_dump(mode="json"), allow_nan=False))) == found


def test_numbers_get_intervals_and_classes_sets_of_the_asked_coverage(found: Evaluation) -> None:
    assert isinstance(found.conformal, ConformalMixed)
    test = made(2)
    low, high, sets = how_sure(found.conformal, test.prediction, test.spread)
    assert low is not None
    assert high is not None
    assert sets is not None
    known = np.isfinite(test.y)
    inside = (low[:, 0] <= test.y[:, 0]) & (test.y[:, 0] <= high[:, 0])
    assert inside[known[:, 0]].mean() == pytest.approx(0.9, abs=0.05)
    assert np.isnan(low[:, 1:]).all()
    assert not sets[:, 0].any()
    for target in (1, 2):
        rows = known[:, target]
        assert sets[rows, target, test.y[rows, target].astype(int)].mean() > 0.83
    assert not sets[:, 1, 2].any()


def test_what_is_calibrated_together_is_what_is_calibrated_alone() -> None:
    val = made(1)
    together = calibrated(PROBLEM, val)
    assert isinstance(together, ConformalMixed)
    for part, (own, slot) in zip(together.parts, PROBLEM.parts(), strict=True):
        assert part == calibrated(own, val.part(slot, [s for _, s in PROBLEM.parts()].index(slot)))


def test_temperatures_of_classes_are_learned_by_target_and_numbers_keep_one() -> None:
    val = made(1)
    logits = np.log(np.clip(val.prediction, 1e-6, 1))
    logits[:, 1] = 3 * np.log(val.prediction[:, 1] / (1 - val.prediction[:, 1]))
    slots = tuple(slot for _, slot in PROBLEM.parts())
    found = fit_temperature(slots, val.y, logits)
    assert found.values[0] == 1.0
    assert found.values[1] == pytest.approx(
        3 * fit_temperature("binary", val.y[:, 1:2], logits[:, 1:2] / 3).values[0], rel=0.01
    )
    assert found.loss_before[0] is None


def test_simple_models_are_fitted_to_each_target_by_its_kind() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 3)).astype(np.float32)
    y = np.stack([x[:, 0], x[:, 1] > 0, np.digitize(x[:, 2], [-0.5, 0.5])], axis=1).astype(float)
    y[rng.random(y.shape) < 0.3] = np.nan
    slots = [Slot("energy", "regression", 0, 1), Slot("stable", "binary", 1, 2), Slot("system", "multiclass", 2, 5)]
    found = {b.name: b for b in fit_baselines(slots, Rows(x[:100], y[:100]), Rows(x[100:], y[100:]), Effort(30))}
    assert list(found) == ["mean or majority", "ridge or logistic", "random forest"]
    for baseline in found.values():
        said = baseline.predict(x[100:])
        assert said.shape == (50, 5)
        assert said[:, 2:].sum(axis=1) == pytest.approx(np.ones(50))
    assert np.corrcoef(found["ridge or logistic"].predict(x)[:, 0], x[:, 0])[0, 1] > 0.99


def test_the_gain_of_a_network_over_itself_is_nothing_and_cannot_be_told() -> None:
    test = made(0)
    told = gain_of(PROBLEM, test.y, test.prediction, test.prediction)
    assert told.mean.gain == 0.0
    assert told.outcome == "cannot_tell"


def test_the_gain_is_the_paired_difference_by_target_and_on_the_mean() -> None:
    test = made(0)
    worse = test.prediction.copy()
    worse[:, 1] = 0.5
    told = gain_of(PROBLEM, test.y, test.prediction, worse)
    assert [row.gain == 0.0 for row in told.targets] == [True, False, True]
    stable = told.targets[1]
    assert stable.together is not None
    assert stable.alone is not None
    assert stable.gain == pytest.approx(stable.together - stable.alone)
    assert told.mean.gain == pytest.approx(stable.gain / 3)
    assert told.outcome == "helps"
    assert "better for stable" in told.sentence
