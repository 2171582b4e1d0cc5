"""Elements of formulas: values that are known by hand, and laws."""

import numpy as np
import pytest
import torch
from torch import Tensor

from scitrain.chem.formula_elements import featurise
from scitrain.contracts.model import InputShape
from scitrain.explaining.attribute import Question, attribute
from scitrain.explaining.elements import EXACT, element_values, parts_of
from scitrain.explaining.function import Explained
from scitrain.models._encoder import Encoder
from scitrain.training.predictor import Member, Predictor
from scitrain.training.transforms import input_transform

LENGTH = 12
WHOLE = 10**7
IRON, OXYGEN = 32, 14
"""Ids: atomic number + 6."""


def rows_of(*formulas: str) -> np.ndarray:
    return featurise({"formula": list(formulas)}, {"columns": ["formula"], "length": LENGTH})[0]


class Told(Encoder):
    """One feature: 2 with iron, 1 with oxygen, 4 more with both; else a tenth of the atomic number of each element times its share."""

    width = 1

    def forward(self, rows: Tensor) -> Tensor:
        ids, amounts = rows.chunk(2, dim=1)
        iron, oxygen = ((ids == one).any(1).float() for one in (IRON, OXYGEN))
        other = ((ids - 6).clamp(min=0) * amounts).float().sum(1) / WHOLE / 10
        known = 2 * iron + oxygen + 4 * iron * oxygen
        return torch.where(known > 0, known, other)[:, None]


@pytest.fixture
def told() -> Explained:
    shape = InputShape("tokens", (2 * LENGTH,), vocabulary=WHOLE + 1, blocks={"amounts": (LENGTH, 2 * LENGTH)})
    member = Member(Told(), 1)
    with torch.no_grad():
        member.head.weight.fill_(1.0)
        member.head.bias.fill_(0.0)
    return Explained(Predictor("regression", input_transform(shape), [member], 1, shape).eval())


def test_a_part_of_a_formula_is_a_formula():
    [iron_oxide, iron, oxygen] = rows_of("Fe2O3", "Fe", "O")
    found = parts_of(iron_oxide, np.array([[True, True], [False, True], [True, False]]))
    np.testing.assert_array_equal(found, [iron_oxide, iron, oxygen])
    three = parts_of(rows_of("LiFePO4")[0], np.array([[True, False, True, True]]))[0]
    assert three[LENGTH:].sum() == pytest.approx(WHOLE, abs=3)  # each is rounded


def test_shapley_values_are_those_by_hand(told):
    # oxygen comes first: 1, then iron 6; iron first: 2, then oxygen 5; ids are in the order of the atomic numbers
    values, difference = element_values(told, rows_of("Fe2O3")[0], 0, 0.0, shapley=True, seed=0)
    assert values == pytest.approx([(1 + 5) / 2, (6 + 2) / 2])
    assert difference == pytest.approx(7)


def test_what_is_lost_without_an_element_is_that_by_hand(told):
    values, _ = element_values(told, rows_of("Fe2O3")[0], 0, 0.0, shapley=False, seed=0)
    assert values == pytest.approx([7 - 2, 7 - 1])


@pytest.mark.parametrize("formula", ["Si", "LiFePO4", "Al0.1Co0.1Cr0.1Cu0.1Mn0.1Ni0.1Ti0.1V0.1Zn0.1Zr0.1"])
def test_values_add_up_to_the_prediction_less_that_of_nothing(told, formula):
    row = rows_of(formula)[0]
    count = int((row[:LENGTH] > 0).sum())
    values, difference = element_values(told, row, 0, 0.25, shapley=True, seed=1)
    said = float(told(torch.from_numpy(row[None])).detach()[0, 0])
    assert len(values) == count
    assert difference == pytest.approx(said - 0.25, rel=1e-5)
    assert sum(values) == pytest.approx(difference, rel=1e-4)
    assert (count > EXACT) == (formula.startswith("Al"))


def test_the_same_seed_draws_the_same_orders(told):
    row = rows_of("Al0.1Co0.1Cr0.1Cu0.1Mn0.1Ni0.1Ti0.1V0.1Zn0.1Zr0.1")[0]
    first, again = (element_values(told, row, 0, 0.0, shapley=True, seed=5) for _ in range(2))
    assert first == again


def test_a_question_of_pairs_is_answered_at_the_places_of_the_ids(told):
    x = rows_of("Fe2O3", "Si")
    background = rows_of("Si", "Ge")
    question = Question(told, x, np.zeros_like(x), np.zeros(2, np.int64), background, np.arange(2 * LENGTH))
    ticks: list[int] = []
    found = attribute("shap", question, ticks.append)
    nothing = (1.4 + 3.2) / 2  # silicon 14, germanium 32
    assert found.values[1, 0] == pytest.approx(1.4 - nothing)
    assert not found.values[:, LENGTH:].any()
    assert found.values.sum(axis=1) == pytest.approx(found.difference, rel=1e-5)
    assert found.error == pytest.approx(0, abs=1e-6)
    assert ticks == [1, 2]
    assert attribute("occlusion", question).error is None
