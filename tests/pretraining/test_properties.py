import math

import numpy as np
import pytest
import torch

from scitrain.data.prepared import Target
from scitrain.evaluation.problem import Predicted
from scitrain.pretraining.corpus import Corpus, CorpusReport
from scitrain.pretraining.properties import MEDIAN, judge_properties, property_rows

GAP, NONE = Target(name="gap (eV)", unit="eV"), math.nan


class OneDeviationAbove(torch.nn.Module):
    """Says of every row one standard deviation above the mean."""

    def vectors(self, rows):
        return rows.float()

    def properties(self, vectors):
        return torch.ones(len(vectors), 1)


def test_errors_are_those_worked_by_hand_and_rows_without_a_label_are_left_out():
    y, said = np.array([[1], [2], [4], [NONE]]), np.array([[1.5], [2], [3], [100]])
    mae, r2 = judge_properties(Predicted(y, said, baselines={MEDIAN: np.full((4, 1), 2.0)}), [GAP])
    assert (mae.name, mae.unit, mae.n, mae.level) == ("mae", "eV", 3, 0.95)
    assert mae.value == pytest.approx((0.5 + 0 + 1) / 3)
    assert mae.baselines[MEDIAN].value == pytest.approx((1 + 0 + 2) / 3)
    assert mae.baselines[MEDIAN].difference == pytest.approx(-0.5)
    # ȳ = 7/3, Σ (y − ȳ)² = 14/3
    assert (r2.name, r2.unit, r2.n) == ("r2", "", 3)
    assert r2.value == pytest.approx(1 - 1.25 / (14 / 3))
    assert r2.baselines[MEDIAN].value == pytest.approx(1 - 5 / (14 / 3))


def test_each_target_has_its_own_rows_unit_and_reason():
    y = np.array([[1, NONE], [2, NONE], [4, NONE]])
    said = Predicted(y, np.array([[1.0, 7], [2, 7], [4, 8]]), baselines={MEDIAN: np.zeros((3, 2))})
    rows = judge_properties(said, [GAP, Target(name="density (g/cm3)", unit="g/cm3")])
    assert [(row.target, row.name, row.n) for row in rows] == [
        ("gap (eV)", "mae", 3),
        ("gap (eV)", "r2", 3),
        ("density (g/cm3)", "mae", 0),
        ("density (g/cm3)", "r2", 0),
    ]
    assert rows[0].value == 0
    assert rows[2].value is None
    assert rows[2].reason == "needs at least 2 labelled rows, has 0"


def test_what_the_network_says_is_put_into_the_unit_of_the_rows_that_were_learned_from():
    labels = np.array([[0], [2], [NONE], [4], [2], [6], [NONE]], dtype=np.float32)
    held = np.array([False] * 4 + [True] * 3)
    corpus = Corpus("smiles", np.ones((7, 3), np.int32), labels, held, CorpusReport())
    mae, _ = property_rows(OneDeviationAbove(), corpus, [GAP])
    above = 2 + math.sqrt(8 / 3)  # mean and standard deviation of 0, 2 and 4
    assert mae.n == 2
    assert mae.value == pytest.approx(((above - 2) + (6 - above)) / 2)
    assert mae.baselines[MEDIAN].value == pytest.approx((0 + 4) / 2), "the median of 0, 2 and 4 is 2"


def test_nothing_is_judged_where_no_held_out_row_has_a_label():
    labels = np.array([[0], [2], [NONE]], dtype=np.float32)
    corpus = Corpus("smiles", np.ones((3, 3), np.int32), labels, np.array([False, False, True]), CorpusReport())
    assert property_rows(OneDeviationAbove(), corpus, [GAP]) == []
