"""Intervals, temperature, conformal prediction, domain, baselines: the laws they promise."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.data.slots import Slot
from scitrain.errors import DataError
from scitrain.evaluation.baselines import Effort, Rows, fit_baselines
from scitrain.evaluation.bootstrap import Resampling, replicate, wilson
from scitrain.evaluation.calibration import fit_temperature, gaussian_coverage, reliability
from scitrain.evaluation.conformal import conformal_quantile, fewest_rows, fit_conformal, interval_score
from scitrain.evaluation.domain import Domain, fit_domain
from scitrain.evaluation.scoring import Column, score

RNG = np.random.default_rng(1)


def test_wilson_interval_by_hand():
    # 8 of 10 at 95 %: (0.8 + z²/20 ± z √(0.016 + z²/400)) / (1 + z²/10), z = 1.96
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(1.0, 5)[1] == 1.0


def test_the_bootstrap_interval_of_a_mean_is_near_the_known_one():
    values = RNG.normal(size=400)
    [found] = replicate(
        lambda counts: counts @ values[:, None] / counts.sum(axis=1, keepdims=True), Resampling(400)
    ).intervals()
    reach = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - reach, abs=0.02)
    assert found.high == pytest.approx(values.mean() + reach, abs=0.02)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    y, said = RNG.normal(size=(50, 1)), RNG.normal(size=(50, 1))
    one, same, other = (score("regression", y, said, 100, seed) for seed in (1, 1, 2))
    metric = one.metrics[0]
    assert one.targets(metric) == same.targets(metric)
    assert one.targets(metric) != other.targets(metric)


def test_a_paired_difference_is_tighter_than_two_intervals():
    y = RNG.normal(size=(200, 1))
    a = y + RNG.normal(size=y.shape)
    b = a + 0.01
    first, second = score("regression", y, a), score("regression", y, b)
    difference = first.difference(first.metrics[0], second)
    interval = first.targets(first.metrics[0])[0]
    assert difference.high - difference.low < 0.2 * (interval.high - interval.low)


def test_temperature_cools_what_is_too_sure_and_never_raises_the_loss():
    y = RNG.integers(2, size=(500, 1)).astype(float)
    honest = np.where(y == 1, 1.0, -1.0) + RNG.normal(size=y.shape)
    found = fit_temperature("binary", y, 5 * honest)
    assert found.values[0] > 1.5
    assert found.loss_after[0] <= found.loss_before[0]
    assert (np.argsort(found.probabilities(honest)[:, 0]) == np.argsort(honest[:, 0])).all()


def test_few_rows_leave_the_temperature_at_one_and_say_why():
    found = fit_temperature("binary", np.array([[1.0], [0.0]]), np.array([[3.0], [1.0]]))
    assert found.values == (1.0,)
    assert "at least 10" in found.reasons[0]


def test_the_conformal_quantile_is_an_order_statistic():
    assert conformal_quantile(np.arange(9.0), 0.9) == 8.0
    assert conformal_quantile(np.arange(8.0), 0.9) is None
    assert fewest_rows(0.9) == 9


@given(st.integers(0, 2**31), st.sampled_from([0.5, 0.8, 0.9]))
def test_conformal_intervals_hold_the_truth_as_often_as_asked(seed, coverage):
    rng = np.random.default_rng(seed)
    y, error = rng.normal(size=(1200, 1)), rng.standard_t(3, size=(1200, 1))
    spread = np.abs(rng.normal(1, 0.2, size=(1200, 1)))
    fitted = fit_conformal("regression", y[:600], (y + error)[:600], spread[:600], coverage)
    low, high = fitted.apply((y + error)[600:], spread[600:])
    assert ((low <= y[600:]) & (y[600:] <= high)).mean() == pytest.approx(coverage, abs=0.1)


def test_conformal_sets_cover_the_rare_class_too():
    y = (RNG.random(4000) < 0.1).astype(float)[:, None]
    p = 1 / (1 + np.exp(-(2 * (2 * y - 1) - 2 + RNG.normal(size=y.shape))))
    fitted = fit_conformal("binary", y[:2000], p[:2000], coverage=0.9)
    sets = fitted.apply(p[2000:])
    rare = y[2000:, 0] == 1
    assert sets[rare, 0, 1].mean() == pytest.approx(0.9, abs=0.08)


def test_every_set_holds_the_most_probable_class():
    y = RNG.integers(4, size=200)
    p = RNG.dirichlet(np.ones(4), size=200)
    sets = fit_conformal("multiclass", y, p, coverage=0.5).apply(p)
    assert sets[np.arange(200), 0, p.argmax(axis=1)].all()


def test_too_few_rows_give_no_interval_and_say_how_many_are_needed():
    fitted = fit_conformal("regression", np.zeros((3, 1)), np.ones((3, 1)), coverage=0.9)
    assert "needs at least 9" in fitted.reasons[0]
    assert np.isnan(fitted.apply(np.ones((2, 1)))[0]).all()


def test_interval_score_by_hand():
    # width 2; the truth 4 is 1 above: 2 + 2/0.1 · 1
    assert interval_score(np.array([4.0, 2.0]), np.array([1.0, 1.0]), np.array([3.0, 3.0]), 0.9) == pytest.approx(
        [22.0, 2.0]
    )


def test_reliability_of_a_perfect_forecast_lies_in_its_intervals():
    p = RNG.random(5000)
    y = (RNG.random(5000) < p).astype(float)
    points = reliability(Column(np.arange(5000), y, np.stack([1 - p, p], axis=1)))
    assert sum(point.low <= point.confidence <= point.high for point in points) >= len(points) - 2
    assert sum(point.n for point in points) == 5000


def test_a_true_gaussian_spread_covers_what_it_says():
    y = RNG.normal(size=5000)
    for point in gaussian_coverage(Column(np.arange(5000), y, np.zeros(5000)), np.ones(5000)):
        assert point.observed == pytest.approx(point.nominal, abs=0.03)


def test_the_domain_keeps_its_share_of_validation_and_refuses_what_is_far():
    train, val = RNG.normal(size=(500, 8)), RNG.normal(size=(200, 8))
    domain = fit_domain(train, val)
    assert domain.inside(val).mean() == pytest.approx(0.95, abs=0.01)
    assert not domain.inside(np.full((3, 8), 30.0)).any()


def test_a_row_off_the_plane_in_which_training_rows_lie_is_outside():
    plane = RNG.normal(size=(3, 200))
    train = RNG.normal(size=(300, 3)) @ plane
    off = RNG.normal(size=(5, 3)) @ plane + 2 * RNG.normal(size=(5, 200))
    domain = fit_domain(train[:200], train[200:])
    assert not domain.inside(off).any()


NUMBER = [Slot("t", "regression", 0, 1)]


def test_a_domain_survives_saving():
    domain = fit_domain(RNG.normal(size=(50, 4)), RNG.normal(size=(30, 4)))
    rows = RNG.normal(size=(7, 4))
    assert (Domain.from_arrays(dict(domain.arrays())).distance(rows) == domain.distance(rows)).all()


def test_a_linear_law_is_found_by_ridge_and_missed_by_the_mean():
    x = RNG.normal(size=(200, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [2.0], [3.0]])).astype(np.float32)
    found = {b.name: b for b in fit_baselines(NUMBER, Rows(x[:150], y[:150]), Rows(x[150:], y[150:]), Effort(60))}
    assert set(found) == {"mean", "ridge", "random forest"}
    assert found["ridge"].predict(x[150:]) == pytest.approx(y[150:], abs=0.05)
    assert found["mean"].predict(x[:2])[0, 0] == pytest.approx(y[:150].mean(), abs=1e-5)


def test_a_forest_out_of_time_is_smaller_and_says_so():
    ticks = iter(np.arange(0.0, 1000.0, 1.0))
    x, y = RNG.normal(size=(60, 3)), RNG.integers(3, size=60)
    effort = Effort(12.0, clock=lambda: float(next(ticks)))
    forest = fit_baselines([Slot("t", "multiclass", 0, 3)], Rows(x, y), Rows(x, y), effort)[-1]
    assert "cut short by the time" in forest.note
    assert forest.predict(x).sum(axis=1) == pytest.approx(np.ones(60))


def test_a_forest_stops_growing_once_its_predictions_have_settled():
    rng = np.random.default_rng(0)  # its own: what other tests draw must not decide
    x = rng.normal(size=(200, 2))
    for noise, grown in ((0.0, r"[12]\d\d trees, enough for its predictions to settle"), (30.0, "300 trees")):
        y = (x[:, :1] + noise * rng.normal(size=(200, 1))).astype(np.float32)
        forest = fit_baselines(NUMBER, Rows(x[:150], y[:150]), Rows(x[150:], y[150:]), Effort(60))[-1]
        assert re.fullmatch(grown, forest.note or "")


def test_baselines_see_missing_features_and_missing_labels():
    x = RNG.normal(size=(80, 4))
    x[::3, 1] = np.nan
    y = np.stack([(x[:, 0] > 0), np.where(np.arange(80) % 2, np.nan, x[:, 2] > 0)], axis=1).astype(float)
    for baseline in fit_baselines(
        [Slot("a", "binary", 0, 1), Slot("b", "binary", 1, 2)], Rows(x, y), Rows(x, y), Effort(60)
    ):
        assert np.isfinite(baseline.predict(x)).all()
        assert baseline.predict(x).shape == (80, 2)


def test_no_training_rows_are_an_error():
    with pytest.raises(DataError, match="no training rows"):
        fit_baselines(
            NUMBER, Rows(np.zeros((0, 2)), np.zeros((0, 1))), Rows(np.zeros((0, 2)), np.zeros((0, 1))), Effort(1)
        )
