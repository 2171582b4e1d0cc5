import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.chem.charge_balance import balance
from scitrain.chem.element_screening import screening
from scitrain.chem.formulas import parse, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # smact warns of elements without data
    from smact.screening import smact_validity

FORMULAS = (
    "NaCl Fe2O3 LiCoO2 Fe3O4 CuZn NaN CaTiO3 YBa2Cu3O7 PbTe TiNi Na2Cl SiC H2O XeF2 ArO Al LaNi5 MgB2 BaTiO3 GaAs HgCdTe2 UO2 OF2 KAg4I5 "
    "Mo6S8 LiFePO4 SrBi2Ta2O9"
).split()
SYMBOLS = [symbol for symbol, row in screening().items() if row["states"]]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_rules_are_those_of_smact(formula: str) -> None:
    mine = balance(parse(formula))
    assert mine.balanced == smact_validity(formula, include_alloys=False)
    assert mine.neutral == smact_validity(formula, include_alloys=False, use_pauling_test=False)
    assert mine.with_alloys == smact_validity(formula)


@given(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 12), min_size=2, max_size=4))
def test_they_are_those_of_smact_for_any_composition(amounts: dict[str, int]) -> None:
    formula = write({symbol: float(amount) for symbol, amount in amounts.items()})
    assert balance(parse(formula)).balanced == smact_validity(formula, include_alloys=False)


def test_only_ratios_count() -> None:
    assert balance({"Fe": 4, "O": 6}) == balance({"Fe": 1, "O": 1.5}) == balance({"Fe": 2, "O": 3})


def test_ten_elements_take_no_longer_than_two() -> None:
    many = dict.fromkeys(("Fe", "Mn", "Cr", "V", "Ni", "Co", "Cu", "Mo", "W", "O"), 3.0)
    assert balance(many).neutral


def test_a_composition_without_a_small_ratio_is_judged_within_rounding() -> None:
    doped = {"Mg": 0.9876543, "Ca": 0.0123457, "O": 1.0}
    assert balance(doped).balanced
    assert not balance({"Mg": 0.9876543, "Ca": 0.0123457, "F": 1.0}).balanced


def test_a_noble_gas_has_no_charge_to_cancel() -> None:
    assert not balance({"He": 1, "O": 1}).neutral
