"""Prototypes, distances to them, confidences and the rows that belong to none."""

import numpy as np
import pytest

from scitrain.evaluation.metrics import ece
from scitrain.fewshot.prototypes import (
    apart_from,
    centres,
    confidences,
    fit_temperature,
    leave_one_out,
    outlier,
)
from scitrain.fewshot.rivals import linear_probe, nearest_neighbour


def blobs(classes=3, rows=8, width=4, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(classes, 1, width)) * 3 + spread * rng.normal(size=(classes, rows, width))


def test_distances_and_prototypes_by_hand():
    support = [np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 3.0]])]
    assert centres(support, "euclidean").tolist() == [[1.0, 0.0], [0.0, 3.0]]
    assert apart_from(np.array([[1.0, 1.0]]), centres(support, "euclidean"), "euclidean").tolist() == [[1.0, 5.0]]
    turned = apart_from(np.array([[5.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 3.0], [-2.0, 0.0]]), "cosine")
    assert turned == pytest.approx(np.array([[0.0, 1.0, 2.0]]))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_leaving_a_row_out_is_what_remaking_the_prototypes_without_it_gives(distance):
    support = [*blobs(2, 5), blobs(1, 3, seed=4)[0]]
    found, labels = leave_one_out(support, distance)
    at = 0
    for k, rows in enumerate(support):
        for i in range(len(rows)):
            without = [np.delete(rows, i, axis=0) if j == k else other for j, other in enumerate(support)]
            expected = apart_from(rows[i : i + 1], centres(without, distance), distance)
            assert found[at] == pytest.approx(expected[0])
            assert labels[at] == k
            at += 1
    assert at == len(found)


def test_a_class_of_one_row_leaves_nothing_to_hold_out():
    found, labels = leave_one_out([np.zeros((1, 2)), np.ones((2, 2))], "euclidean")
    assert found.shape == (2, 2)
    assert labels.tolist() == [1, 1]


@pytest.mark.parametrize("stretch", [0.1, 1.0, 50.0])
def test_confidences_do_not_depend_on_the_unit_of_the_distance(stretch):
    support = list(blobs(3, 10, spread=2.0))
    plain, labels = leave_one_out(support, "euclidean")
    found = confidences(plain * stretch, fit_temperature(plain * stretch, labels))
    assert found == pytest.approx(confidences(plain, fit_temperature(plain, labels)), abs=1e-3)
    assert found.sum(axis=1) == pytest.approx(1.0)


def test_a_fitted_temperature_is_calibrated_where_exp_of_the_distance_is_not():
    data = blobs(4, 400, spread=2.5, seed=1)
    support, queries = list(data[:, :30]), data[:, 30:].reshape(-1, 4)
    answers = np.arange(4).repeat(370)
    held, labels = leave_one_out(support, "euclidean")
    apart = apart_from(queries, centres(support, "euclidean"), "euclidean")
    weights = np.ones((1, len(answers)))
    errors = [float(ece(answers, confidences(apart, t), weights)[0]) for t in (fit_temperature(held, labels), 1.0)]
    assert errors[0] < 0.06
    assert errors[0] < errors[1] / 2


def test_few_rows_that_are_all_right_are_not_taken_for_certainty():
    apart = np.array([[1.0, 9.0], [9.0, 1.0], [1.0, 9.0], [9.0, 1.0]])
    p = confidences(apart, fit_temperature(apart, np.array([0, 1, 0, 1])))
    assert p.max() == pytest.approx(1 - 1 / 12, abs=0.01)


def test_a_row_is_an_outlier_where_hardly_any_support_row_is_as_far():
    known = np.arange(1.0, 40.0)
    assert outlier(np.array([0.5, 20.0, 38.5, 40.0]), known).tolist() == [False, False, True, True]
    assert outlier(np.array([1e9]), known[:18]) is None


def test_rivals_are_right_where_the_classes_are_far_apart():
    data = blobs(3, 12, spread=0.1)
    queries, answers = data[:, 5:].reshape(-1, 4), np.arange(3).repeat(7)
    assert nearest_neighbour(data[:, :5], queries, "euclidean").tolist() == answers.tolist()
    assert linear_probe(data[:, :5], queries).tolist() == answers.tolist()
    wide = np.pad(data, ((0, 0), (0, 0), (0, 500)))
    assert linear_probe(wide[:, :5], wide[:, 5:].reshape(-1, 504)).tolist() == answers.tolist()
