"""Episodes, supports and what is measured over them."""

import numpy as np
import pytest
import torch

from scitrain.fewshot.episodes import Drawing
from scitrain.fewshot.episodic import Lessons, teach
from scitrain.fewshot.measuring import NEIGHBOUR, PROBE, RAW, Spaces, difference, measure
from scitrain.fewshot.networks import projection
from scitrain.fewshot.plane import flatten
from scitrain.fewshot.support import choose_support

CLASSES, ROWS = 8, 12


def noisy(width=6, nuisance=6, seed=0):
    """Return points whose classes lie in some columns, and loud columns that mean nothing."""
    rng = np.random.default_rng(seed)
    y = np.arange(CLASSES).repeat(ROWS)
    told = rng.normal(size=(CLASSES, width))[y] * 2 + 0.5 * rng.normal(size=(len(y), width))
    return np.concatenate([told, 4 * rng.normal(size=(len(y), nuisance))], axis=1), y


def members(y, classes):
    return [np.flatnonzero(y == k) for k in classes]


@pytest.mark.parametrize("select", ["random", "kmeans", "kmeans++"])
def test_an_episode_asks_nothing_it_has_shown_and_comes_again_from_its_number(select):
    x, y = noisy()
    drawing = Drawing(4, 3, 5, select, seed=7)
    for number in range(20):
        one = drawing.episode(number, members(y, range(CLASSES)), x)
        shown, asked = one.support.ravel(), one.queries.ravel()
        assert len({*shown, *asked}) == 4 * 8
        assert (y[one.support] == one.classes[:, None]).all()
        assert (y[asked] == one.classes[one.answers]).all()
        again = drawing.episode(number, members(y, range(CLASSES)), x)
        assert np.array_equal(again.support, one.support)
        assert np.array_equal(again.queries, one.queries)


@pytest.mark.parametrize("select", ["kmeans", "kmeans++"])
def test_a_diverse_support_covers_the_groups_of_a_class_more_often_than_chance(select):
    groups = np.arange(4).repeat(25)
    rows = np.eye(4)[groups] * 20 + np.random.default_rng(0).normal(size=(100, 4))
    found = {
        how: np.mean([len({*groups[choose_support(rows, 4, how, np.random.default_rng(s))]}) for s in range(30)])
        for how in ("random", select)
    }
    assert found[select] > 3.8 > found["random"]


def test_repeated_rows_are_no_hindrance_to_a_diverse_support():
    rows = np.zeros((6, 2))
    for how in ("kmeans", "kmeans++"):
        assert len({*choose_support(rows, 4, how, np.random.default_rng(0))}) == 4


def test_measuring_tells_prototypes_and_rivals_on_the_same_episodes():
    x, y = noisy()
    found = measure(Spaces(x[:, :6], x), members(y, range(CLASSES)), Drawing(4, 4, 5), 30)
    assert list(found.right) == ["", NEIGHBOUR, PROBE, RAW]
    assert found.p.shape == (30, 20, 4)
    assert found.p.sum(axis=2) == pytest.approx(1.0)
    assert found.right[""] == pytest.approx((found.distances.argmin(axis=2) == found.answers).mean(axis=1))
    ahead = difference(found.right[""], found.right[RAW])
    assert 0 < ahead.low < ahead.value < ahead.high


def test_one_shot_is_calibrated_by_base_classes_and_not_at_all_without():
    x, y = noisy()
    one_shot = Drawing(3, 1, 5)
    assert measure(Spaces(x), members(y, range(3)), one_shot, 5).p is None
    found = measure(Spaces(x), members(y, range(3)), one_shot, 5, base=members(y, range(3, 8)))
    assert found.p is not None
    assert len({*found.temperatures}) == 1
    assert found.inside is None


def lessons(y, episodes, rate=1e-2):
    drawing = Drawing(3, 3, 4, seed=5)
    return Lessons(
        members(y, range(4)), members(y, range(4, 6)), drawing, Drawing(2, 3, 4), episodes, rate, "euclidean"
    )


def test_episodes_on_base_classes_teach_what_matters_in_new_ones():
    x, y = noisy()
    network = projection(x[y < 6])
    rows = x.astype(np.float32)
    taught = teach(network, rows, lessons(y, 60), lambda done, total: None)
    assert taught.best > 0
    with torch.no_grad():
        learned = network(torch.from_numpy(rows)).double().numpy()
    found = measure(Spaces(learned, x), members(y, (6, 7)), Drawing(2, 3, 5), 30)
    assert difference(found.right[""], found.right[RAW]).low > 0


def test_training_repeats_itself_and_leaves_the_callers_random_state_alone():
    x, y = noisy()
    weights = []
    for state in (1, 2):
        torch.manual_seed(state)
        before = torch.random.get_rng_state()
        network = projection(x[y < 6])
        torch.random.set_rng_state(before)
        teach(network, x.astype(np.float32), lessons(y, 20), lambda done, total: None)
        assert torch.equal(torch.random.get_rng_state(), before)
        weights.append(network.weight.detach().clone())
    assert torch.equal(*weights)


def test_training_that_helps_nothing_is_taken_back():
    x, y = noisy(nuisance=0)
    network = projection(x)
    start = network.weight.detach().clone()
    taught = teach(network, x.astype(np.float32), lessons(y, 20, rate=1e-9), lambda done, total: None)
    assert taught.best == 0
    assert torch.equal(network.weight, start)


def test_the_plane_is_that_of_the_main_axes_where_these_hold_enough():
    x, _ = noisy(width=2, nuisance=0)
    flat = flatten(x, 0)
    assert flat.why == "PCA"
    apart = np.linalg.norm(flat.at[:1] - flat.at[1:], axis=1)
    assert apart == pytest.approx(np.linalg.norm(x[:1] - x[1:], axis=1))
    assert flatten(x[:, :1], 0).at.shape == (len(x), 2)


def test_the_plane_keeps_neighbours_together_where_two_axes_hold_too_little():
    y = np.arange(12).repeat(6)
    flat = flatten(5 * np.eye(12)[y] + 0.1 * np.random.default_rng(0).normal(size=(72, 12)), 0)
    assert flat.why.startswith("t-SNE (two main axes hold")
    apart = np.linalg.norm(flat.at[:, None] - flat.at[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (y[apart.argmin(axis=1)] == y).mean() > 0.9
