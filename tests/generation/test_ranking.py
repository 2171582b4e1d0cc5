import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.generation.goals import Goal
from scitrain.generation.pool import Pool, joined
from scitrain.generation.ranking import directed, front, rank, scale_of

POINTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


def test_the_scale_of_a_miss_is_the_tolerance_the_bound_or_the_spread_of_what_is_known() -> None:
    assert scale_of(Goal(value=2, tolerance=0.5), np.zeros(0)) == 0.5
    assert scale_of(Goal(min=1, max=5), np.zeros(0)) == 2.0
    assert scale_of(Goal(max=5), np.array([0.0, 1e6])) == 0.5
    assert scale_of(Goal(direction="minimize"), np.array([0.0, 2.0, np.nan])) == 1.0
    assert scale_of(Goal(min=0), np.zeros(0)) == 1.0


def test_those_within_every_goal_come_first_and_surer_ones_before_them() -> None:
    goals = {"gap": Goal(value=2.0, tolerance=0.5), "cost": Goal(max=10.0)}
    values = {"gap": np.array([2.0, 2.0, 3.0, np.nan]), "cost": np.array([5.0, 5.0, 5.0, 5.0])}
    deviations = {"gap": np.array([1.0, 0.1, 0.1, 0.1])}
    found = rank(goals, values, deviations, {"gap": 0.5, "cost": 1.0})
    assert found.satisfied.tolist() == [True, True, False, False]
    assert np.argsort(-found.score).tolist() == [1, 0, 2, 3]
    assert found.misses["gap"].tolist() == pytest.approx([0, 0, 1, np.inf])
    assert found.chance[0] == pytest.approx(0.3829, abs=1e-3)


def test_a_direction_orders_those_within_the_goal() -> None:
    values = {"x": np.array([1.0, 3.0, 2.0])}
    found = rank({"x": Goal(direction="maximize")}, values, {}, {"x": 1.0})
    assert np.argsort(-found.score).tolist() == [1, 2, 0]


def test_no_gain_comes_before_a_goal_and_nothing_is_gained_beyond_the_range() -> None:
    goals = {"gap": Goal(min=1, max=3, direction="maximize")}
    found = rank(goals, {"gap": np.array([5.5, 3.0, 1.2, 2.0, 0.9, 900.0])}, {}, {"gap": 1.0})
    assert np.argsort(-found.score, kind="stable").tolist() == [1, 3, 2, 0, 4, 5]
    assert found.satisfied.tolist() == [False, True, True, True, False, False]
    assert directed(goals["gap"], np.array([5.5, 2.0])).tolist() == [3.0, 2.0]
    assert directed(Goal(max=20, direction="minimize"), np.array([30.0, 4.0])).tolist() == [-20.0, -4.0]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20), st.floats(1e-6, 1e3))
def test_whoever_satisfies_every_goal_comes_before_whoever_does_not(values: list[float], scale: float) -> None:
    array = np.array(values)
    found = rank({"x": Goal(min=-1, direction="maximize")}, {"x": array}, {}, {"x": scale})
    good, bad = found.score[found.satisfied], found.score[~found.satisfied]
    assert not len(good) or not len(bad) or good.min() > bad.max()


@given(POINTS)
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    rows = np.array(points, dtype=float)
    kept = set(front(rows).tolist())
    for i, row in enumerate(rows):
        beaten = any((other >= row).all() and (other > row).any() for other in rows)
        assert (i in kept) == (not beaten)


def test_a_pool_is_read_back_as_it_was_written() -> None:
    one = Pool(
        ["NaCl", "KCl"], {"cost": np.array([1.0, np.nan])}, {"balanced": np.array([True, False])}, {"hazards": ["", "x"]},
        {"gap": np.array([np.nan, 2.0])}, {"gap": np.array([np.nan, 1.0])}, {"gap": np.array([np.nan, 3.0])},
        {"gap": np.array([np.nan, 0.6])}, np.array([False, True]), np.array([False, True]), ["is not balanced", ""], ["balanced", ""],
    )  # fmt: skip
    again = Pool.read(json.loads(json.dumps(one.record(), allow_nan=False)))
    assert again.record() == one.record()
    assert one.predicted == 1
    both = joined([one, again])
    assert len(both) == 4
    assert both.property("gap")[3] == both.property("gap")[1] == 2.0
