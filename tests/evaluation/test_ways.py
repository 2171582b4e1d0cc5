"""Ways to say how sure a model is, side by side: hand-worked numbers, and the laws of the comparison."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from scitrain.data.prepared import Target
from scitrain.errors import DataError
from scitrain.evaluation.conformal import LEARNED, fit_quantiles
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.ways import Way, Ways, brier, compare_ways, crps, doubt_of_classes

RNG = np.random.default_rng(4)
NUMBERS = Problem("regression", (Target(name="gap", unit="eV"),), resamples=200)


def test_crps_by_hand() -> None:
    # z = 0: σ (2/√(2π) − 1/√π) = 0.23369 σ; far away it is the distance less σ/√π
    found = crps(np.array([1.0, 101.0]), np.array([1.0, 1.0]), np.array([2.0, 1.0]))
    assert found == pytest.approx([2 * 0.233695, 100 - 0.564190], abs=1e-5)


def test_brier_by_hand() -> None:
    assert brier(np.array([0, 2]), np.array([[0.7, 0.3, 0.0], [0.5, 0.5, 0.0]])) == pytest.approx([0.18, 1.5])


def test_mutual_information_by_hand() -> None:
    # two samples that are sure of opposite classes know all but agree on nothing: ln 2; two that share a doubt: 0
    opposite, alike = np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), np.full((2, 1, 2), 0.5)
    entropy, information = doubt_of_classes(np.concatenate([opposite, alike], axis=1))
    assert entropy == pytest.approx([np.log(2), np.log(2)])
    assert information == pytest.approx([np.log(2), 0.0])


def test_learned_ends_are_moved_by_what_they_lack() -> None:
    y = np.arange(19.0)[:, None]
    ends = np.stack([y - 1, y + 1], axis=-1)  # each truth is 1 inside, so all are too wide by 1
    fitted = fit_quantiles(y, y, ends, 0.9)
    assert fitted.quantiles == (-1.0,)
    low, high = fitted.apply(y + 0.5, ends=ends)
    assert (low == y).all()
    assert (high == y + 0.5).all(), "never past the prediction"
    with pytest.raises(DataError, match="give ends"):
        fitted.apply(y)


@given(st.integers(0, 2**31), st.sampled_from([0.5, 0.8, 0.9]))
@settings(max_examples=20, deadline=None)
def test_wrong_quantiles_hold_the_truth_as_often_as_asked_once_moved(seed: int, coverage: float) -> None:
    rng = np.random.default_rng(seed)
    noise = np.exp(rng.normal(size=(1000, 1)))
    y, said = rng.normal(size=(1000, 1)) * noise, np.zeros((1000, 1))
    ends = np.stack([-0.4 * noise, 0.9 * noise], axis=-1)
    fitted = fit_quantiles(y[:500], said[:500], ends[:500], coverage)
    low, high = fitted.apply(said[500:], ends=ends[500:])
    held = int(((low <= y[500:]) & (y[500:] <= high)).sum())
    # both halves are samples: their errors add up, hence twice the rows' variance
    assert binom.ppf(1e-6, 250, coverage) / 250 <= held / 500 <= binom.ppf(1 - 1e-6, 250, coverage) / 250


def told(n: int, spread: bool, seed: int = 0) -> Predicted:
    """Return rows whose noise grows with a number that is told where ``spread``."""
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.1, 2.0, (n, 1))
    y = sigma * rng.normal(size=(n, 1))
    return Predicted(y, np.zeros((n, 1)), sigma if spread else None, floor=LEARNED)


def way(name: str, spread: bool, used: bool = False) -> Way:
    test = told(300, spread, 1)
    return Way(
        name, name, "", told(300, spread, 0), test, used, {"spread": test.spread} if test.spread is not None else {}
    )


@pytest.fixture(scope="module")
def compared() -> Ways:
    return compare_ways(NUMBERS, [way("constant", False, used=True), way("learned", True), way("same", False)])


def test_a_way_that_knows_the_noise_has_the_better_score_at_the_same_coverage(compared: Ways) -> None:
    constant, learned, same = compared.ways
    for one in (constant, learned):
        coverage = one.row("coverage")
        assert coverage.low is not None
        assert coverage.high is not None
        assert coverage.low <= 0.93
        assert coverage.high >= 0.87
    for name, split in (("interval_score", "test"), ("interval_score", "val"), ("crps", "test")):
        assert (learned.row(name, split).value or 9) < (constant.row(name, split).value or 0)
    [apart], [nothing] = learned.differences, same.differences
    assert (apart.high or 1) < 0
    assert (apart.p or 1) < 0.05
    assert (nothing.value, nothing.p) == (0.0, 1.0)
    assert constant.differences == ()
    assert Ways.model_validate_json(compared.model_dump_json()) == compared


def test_the_error_falls_where_doubt_tells_of_it(compared: Ways) -> None:
    constant, learned, _ = compared.ways
    [curve] = learned.sparsification
    assert constant.sparsification == ()
    assert curve.left[0] == pytest.approx(curve.best[0])
    assert curve.left[-1] < 0.3 * curve.left[0]
    assert all(mine >= best - 1e-9 for mine, best in zip(curve.left, curve.best, strict=True))


def test_the_order_of_the_rows_changes_nothing() -> None:
    one = way("learned", True, used=True)
    order = RNG.permutation(300)
    test = Predicted(one.test.y[order], one.test.prediction[order], one.test.spread[order], floor=LEARNED)  # type: ignore[index]
    other = Way("learned", "learned", "", one.val, test, True, {"spread": test.spread})  # type: ignore[dict-item]
    first, second = (compare_ways(NUMBERS, [each]).ways[0] for each in (one, other))
    assert first.row("interval_score").value == pytest.approx(second.row("interval_score").value)
    assert first.sparsification[0].left == pytest.approx(second.sparsification[0].left)


@pytest.mark.parametrize(("task", "columns"), [("binary", 1), ("multilabel", 2), ("multiclass", 3)])
def test_classes_are_compared_by_log_loss(task: str, columns: int) -> None:
    n = 200
    if task == "multiclass":
        y = RNG.integers(3, size=n)
        logits = 2.0 * np.eye(3)[y] + RNG.normal(size=(n, 3))
        good = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        bad, targets = np.full((n, 3), 1 / 3), (Target(name="system", classes=("a", "b", "c")),)
    else:
        y = (RNG.random((n, columns)) < 0.4).astype(float)
        good = 1 / (1 + np.exp(-(4 * y - 2 + RNG.normal(size=y.shape))))
        y[::5, -1] = np.nan
        bad, targets = np.full(y.shape, 0.5), tuple(Target(name=f"t{i}", classes=("no", "yes")) for i in range(columns))
    problem = Problem(task, targets, resamples=200)  # type: ignore[arg-type]
    half = n // 2
    pair = [
        Way(name, name, "", Predicted(y[:half], p[:half]), Predicted(y[half:], p[half:]), used)
        for name, p, used in (("bad", bad, True), ("good", good, False))
    ]
    found = compare_ways(problem, pair)
    worse, better = found.ways
    assert found.deciding == "log_loss"
    assert worse.row("log_loss").value == pytest.approx(np.log(3 if task == "multiclass" else 2))
    for name in ("log_loss", "brier", "set_size"):
        assert (better.row(name).value or 9) < (worse.row(name).value or 0)
    assert all(d.value is not None and d.value < 0 for d in better.differences)
    assert len(better.differences) == (3 if task == "multilabel" else 1)
