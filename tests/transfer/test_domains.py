"""Two domains told apart: by hand where it can be, and at both ends of the scale."""

import numpy as np
import pytest

from scitrain.evaluation.metrics import METRICS
from scitrain.transfer.domains import Weights, importance, proxy_distance, weighted

RANDOM = np.random.default_rng(0)


def test_domains_that_nothing_tells_apart_are_near_and_others_far():
    rows = RANDOM.normal(size=(2, 400, 3))
    assert proxy_distance(rows[:, :200], rows[:, 200:], 1) < 0.5
    assert proxy_distance(rows[:, :200], rows[:, 200:] + 9, 1) == 2.0


def test_the_distance_heeds_a_small_domain_as_much_as_a_large_one():
    rows = RANDOM.normal(size=(1, 420, 2))
    assert proxy_distance(rows[:, :400], rows[:, 400:], 1) < 2.0


def test_a_row_weighs_as_much_as_its_place_is_more_usual_in_the_target():
    """Two thirds of the target and a third of the source lie at 1: the odds there are 2, those at −1 are ½."""
    source = np.repeat([[-1.0], [1.0]], [400, 200], axis=0)
    target = np.repeat([[-1.0], [1.0]], [200, 400], axis=0)
    found = importance(source, target, np.array([[-1.0], [1.0]]), 0).values
    assert found.mean() == pytest.approx(1.0)
    assert found[1] / found[0] == pytest.approx(4.0, rel=0.1)


def test_the_effective_number_of_rows_by_hand():
    assert Weights(np.ones(40)).effective == pytest.approx(40)
    assert Weights(np.array([2.0, 0.0, 0.0, 2.0])).effective == pytest.approx(2)
    assert Weights(np.ones(40)).enough
    assert not Weights(np.array([30.0, *[0.01] * 39])).enough


def test_a_weighted_metric_by_hand():
    """√((1 · 1² + 3 · 2²) / 4)."""
    y, said = np.array([[0.0], [0.0]]), np.array([[1.0], [2.0]])
    assert weighted(METRICS["rmse"], "regression", y, said, [1.0, 3.0]) == pytest.approx(np.sqrt(13 / 4))
    assert weighted(METRICS["r2"], "regression", np.array([[1.0], [1.0]]), said, [1.0, 1.0]) is None
