import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.chem.formula_features import blocks, element_properties, featurise, names

ONE: dict[str, object] = {"columns": ["f"]}


def features(*formulas: str, **options: object) -> tuple[np.ndarray, dict[str, int]]:
    array, problems = featurise({"f": list(formulas)}, ONE | options)
    assert problems == [None] * len(formulas)
    return array, {name: index for index, name in enumerate(names(ONE | options))}


def test_statistics_of_water_agree_with_a_calculation_by_hand() -> None:
    array, at = features("H2O")
    row = array[0]
    assert row[at["fraction H"]] == pytest.approx(2 / 3)
    assert row[at["mean atomic_number"]] == pytest.approx((2 * 1 + 8) / 3)
    assert row[at["deviation atomic_number"]] == pytest.approx(2 / 3 * (10 / 3 - 1) + 1 / 3 * (8 - 10 / 3))
    assert row[at["min atomic_number"]] == 1
    assert row[at["max atomic_number"]] == 8
    assert row[at["range atomic_number"]] == 7
    assert row[at["mode atomic_number"]] == 1
    assert row[at["mean electronegativity"]] == pytest.approx((2 * 2.20 + 3.44) / 3)
    assert row[at["norm 2"]] == pytest.approx(math.sqrt(5) / 3)
    assert row[at["elements"]] == 2
    assert row[at["atoms"]] == pytest.approx(math.log(4))
    assert row[at["entropy"]] == pytest.approx(-(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)))
    assert row[at["largest ionic character"]] == pytest.approx(1 - math.exp(-((3.44 - 2.20) ** 2) / 4))
    assert row[at["share of valence s"]] == pytest.approx(4 / 8)
    assert row[at["imbalance of charge"]] == 0


def test_charges_balance_in_salts_and_not_in_a_made_up_compound() -> None:
    array, at = features("NaCl", "Fe2O3", "LiFePO4", "NaCl3")
    assert array[:3, at["imbalance of charge"]] == pytest.approx(0, abs=1e-6)
    assert array[3, at["imbalance of charge"]] > 0.1


def test_the_mode_of_equally_common_elements_is_the_smallest_value() -> None:
    array, at = features("NaCl")
    assert array[0, at["mode atomic_number"]] == 11


@given(st.permutations(["Fe2", "O3", "Na0.5", "Cl1.25"]))
def test_the_order_of_elements_gives_the_same_numbers(parts: list[str]) -> None:
    array, _ = features("".join(parts), "Fe2O3Na0.5Cl1.25", "(Fe2O3Na0.5Cl1.25)2")
    assert np.array_equal(array[0], array[1])
    assert np.array_equal(array[0], array[2])


def test_a_row_does_not_depend_on_its_company() -> None:
    formulas = ["Fe2O3", "NaN", "(Mg0.9Fe0.1)2SiO4", "H", "LiFePO4", "CuSO4·5H2O"]
    together, _ = features(*formulas)
    for row, formula in enumerate(formulas):
        assert np.array_equal(features(formula)[0][0], together[row])


def test_a_bad_row_is_zero_and_says_why() -> None:
    array, problems = featurise({"f": ["Fe2O3", "Xx2", ""]}, ONE)
    assert problems[0] is None
    assert "'Xx'" in str(problems[1])
    assert "empty" in str(problems[2])
    assert not array[1:].any()
    assert array[0].any()


def test_no_element_gives_an_undefined_number() -> None:
    array, at = features(*element_properties()[1], log_fractions=True)
    assert np.isfinite(array).all()
    assert array.shape == (118, len(at))


def test_log_fractions_tell_traces_apart() -> None:
    array, at = features("Fe0.9999C0.0001", "Fe", log_fractions=True)
    assert array[0, at["log fraction C"]] == pytest.approx(1 / 3, abs=1e-3)
    assert array[1, at["log fraction C"]] == 0
    assert array[1, at["log fraction Fe"]] == 1


def test_blocks_and_names_cover_the_vector_without_gaps() -> None:
    for options in (ONE, ONE | {"log_fractions": True}, {"columns": ["a", "b"]}):
        ranges = list(blocks(options).values())
        assert ranges[0][0] == 0
        assert all(left[1] == right[0] for left, right in pairwise(ranges))
        assert ranges[-1][1] == len(names(options)) == len(set(names(options)))


def test_several_formula_columns_stand_side_by_side() -> None:
    both, problems = featurise({"a": ["Fe", "O"], "b": ["O", "Zz"]}, {"columns": ["a", "b"]})
    width = both.shape[1] // 2
    assert np.array_equal(both[0, :width], features("Fe")[0][0])
    assert np.array_equal(both[0, width:], features("O")[0][0])
    assert problems[1] is not None


def test_no_rows_give_an_array_of_the_right_width() -> None:
    array, problems = featurise({"f": []}, ONE)
    assert array.shape == (0, len(names(ONE)))
    assert problems == []


def test_tokens_are_elements_and_the_characters_of_amounts_in_the_order_of_atomic_numbers() -> None:
    options = ONE | {"output": "tokens", "vocabulary": ["2", "3", "Fe", "O"], "length": 5}
    array, _ = featurise({"f": ["Fe2O3", "O3Fe2", "NaO", "Fe2O3Fe2O3Na"]}, options)
    assert array.dtype == np.int64
    assert array[0].tolist() == array[1].tolist() == [5, 3, 4, 2, 0]
    assert array[2].tolist() == [5, 1, 0, 0, 0]
    assert array[3].tolist() == [5, 1, 1, 4, 1]
