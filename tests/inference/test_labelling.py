"""Rows worth a label: laws of the choice."""

import numpy as np
import pytest

from scitrain.data.slots import Slot
from scitrain.inference.labelling import Candidates, choose, uncertainty
from scitrain.inference.predictions import Predictions

RNG = np.random.default_rng(0)
PAIR, NUMBER = Slot("a", "binary", 0, 1), Slot("a", "regression", 0, 1)


def names_of(place: np.ndarray) -> list[str]:
    return [row.tobytes().hex() for row in place]


def chosen(unsure, place, count, novelty=None):
    return [pick.row for pick in choose(np.arange(len(place)), unsure, novelty, place, names_of(place), count)]


def test_entropy_of_probabilities_by_hand() -> None:
    found = uncertainty(
        [Slot("a", "multiclass", 0, 3)], Predictions(np.array([[0.5, 0.25, 0.25], [1, 0, 0]]), np.zeros((2, 3))), True
    )
    assert found[:, 0] == pytest.approx([1.5 * np.log(2) / np.log(3), 0.0])
    found = uncertainty(
        [PAIR, Slot("b", "binary", 1, 2)], Predictions(np.array([[0.5, 1.0], [0.25, 0.0]]), np.zeros((2, 2))), True
    )
    assert found == pytest.approx(np.array([[1.0, 0.0], [0.8112781, 0.0]]))


def test_numbers_and_classes_together_are_unsure_of_0_to_1() -> None:
    slots = [NUMBER, Slot("b", "binary", 1, 2), Slot("c", "multiclass", 2, 4)]
    said = np.array([[-300.0, 0.5, 0.5, 0.5], [7.0, 1.0, 1.0, 0.0], [9.0, 0.5, 1.0, 0.0]])
    spread = np.array([[2.0, 0, 0, 0], [1.0, 0, 0, 0], [3.0, 0, 0, 0]])
    place = np.eye(3)
    found = {}
    for told in (True, False):
        seen = Candidates(slots, tells_spread=told, edge=None)
        seen.add({"x": list("abc")}, np.arange(3), Predictions(said, spread, place=place))
        found[told] = {pick.row: pick.uncertainty for pick in seen.best(3)}
    # spreads of 2, 1, 3 are 1, 0.5, 1.5 of the usual row
    assert found[True] == pytest.approx({0: (0.5 + 1 + 1) / 3, 1: (1 / 3) / 3, 2: (0.6 + 1) / 3})
    assert found[False] == pytest.approx({0: 1.0, 1: 0.0, 2: 0.5}), "one network: the classes speak alone"


def test_of_equal_rows_one_is_chosen_and_the_others_come_last() -> None:
    place = np.concatenate([RNG.normal(size=(6, 3)), np.repeat([[9.0, 9.0, 9.0]], 4, axis=0)])
    unsure = np.array([0.5] * 6 + [1.0] * 4)
    order = chosen(unsure, place, 10)
    assert order[0] >= 6
    assert sorted(order[-3:]) == sorted({6, 7, 8, 9} - {order[0]})


def test_the_choice_does_not_depend_on_the_order_of_the_rows() -> None:
    place = np.repeat(RNG.normal(size=(20, 4)), 2, axis=0)
    unsure = np.repeat(RNG.uniform(size=20).round(1), 2)
    shuffled = RNG.permutation(40)
    first = [tuple(place[i]) for i in chosen(unsure, place, 15)]
    second = [tuple(place[shuffled][i]) for i in chosen(unsure[shuffled], place[shuffled], 15)]
    assert first == second


def test_a_shorter_choice_begins_like_a_longer_one() -> None:
    place, unsure = RNG.normal(size=(50, 4)), RNG.uniform(size=50)
    assert chosen(unsure, place, 5) == chosen(unsure, place, 20)[:5]


def test_where_all_lies_apart_alike_the_unsure_come_first() -> None:
    unsure = np.array([0.2, 0.9, 0.1, 0.5])
    assert chosen(unsure, 10 * np.eye(4), 4) == [1, 3, 0, 2]


def test_what_is_sure_or_lies_among_the_training_rows_tells_nothing() -> None:
    place = 10 * np.eye(4)
    picks = choose(
        np.arange(4), np.array([0.0, 1.0, 0.5, 0.5]), np.array([1.0, 0.0, 0.5, 3.0]), place, names_of(place), 4
    )
    assert [pick.row for pick in picks[:2]] == [3, 2]
    assert [pick.value for pick in picks[2:]] == [0.0, 0.0]
    assert picks[0].value == 0.5, "beyond the edge of the domain farther is no better"


def test_two_clusters_share_the_first_two_places_and_an_outlier_does_not_take_all() -> None:
    near, far = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2)) + np.array([30.0, 0.0])
    place = np.concatenate([near, far])
    unsure = np.concatenate([np.linspace(0.8, 1.0, 20), np.linspace(0.7, 0.9, 20)])
    first, second = chosen(unsure, place, 2)
    assert (first < 20) != (second < 20)


def test_bad_rows_are_no_candidates_and_blocks_are_one_choice() -> None:
    place = 5 * RNG.normal(size=(8, 3))
    p = RNG.uniform(0.1, 0.9, size=(8, 1))
    columns = {"x": [str(i) for i in range(8)]}

    def said(part: slice, errors: dict[int, str]) -> Predictions:
        return Predictions(p[part], np.zeros_like(p[part]), place=place[part], errors=errors)

    whole, blocks = (Candidates([PAIR], tells_spread=False, edge=None) for _ in range(2))
    whole.add(columns, np.arange(8), said(slice(0, 8), {5: "bad"}))
    for part, errors in ((slice(0, 3), {}), (slice(3, 8), {2: "bad"})):
        blocks.add({"x": columns["x"][part]}, np.arange(8)[part], said(part, errors))
    assert whole.best(9) == blocks.best(9)
    assert sorted(pick.row for pick in whole.best(9)) == [0, 1, 2, 3, 4, 6, 7]
    assert "of at most 1" in whole.reason(whole.best(1)[0])


def test_targets_of_different_units_count_alike() -> None:
    spread = RNG.uniform(1, 2, size=(30, 2))
    place = RNG.normal(size=(30, 3))
    picks = []
    for unit in (1.0, 1000.0):
        seen = Candidates([NUMBER], tells_spread=True, edge=None)
        both = spread * [1.0, unit]
        seen.add({"x": [str(i) for i in range(30)]}, np.arange(30), Predictions(both, both, place=place))
        picks.append([pick.row for pick in seen.best(30)])
    assert picks[0] == picks[1]


def test_nothing_comes_of_nothing() -> None:
    assert Candidates([NUMBER], tells_spread=True, edge=1.0).best(5) == []
    assert choose(np.arange(0), np.zeros(0), None, np.zeros((0, 3)), [], 5) == []
