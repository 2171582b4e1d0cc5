import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.chem.formula_features import element_properties
from scitrain.chem.formulas import FormulaError, canonical, chemical_system, parse, reduced, write
from scitrain.errors import ScitrainError

SYMBOLS = element_properties()[1]
amounts = st.one_of(st.integers(1, 40).map(float), st.integers(1, 4000).map(lambda number: number / 1000))
compositions = st.dictionaries(st.sampled_from(SYMBOLS), amounts, min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Fe2O3", {"Fe": 2, "O": 3}),
        ("CH3CH2OH", {"C": 2, "H": 6, "O": 1}),
        ("(Mg0.9Fe0.1)2SiO4", {"Mg": 1.8, "Fe": 0.2, "Si": 1, "O": 4}),
        ("K4[Fe(CN)6]", {"K": 4, "Fe": 1, "C": 6, "N": 6}),
        ("{[Co(NH3)4(OH)2]3Co}(SO4)3", {"Co": 4, "N": 12, "H": 42, "O": 18, "S": 3}),
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4*5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4.5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CaSO4.0.5H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}),
        ("Fe0.5H2O", {"Fe": 0.5, "H": 2, "O": 1}),
        ("0.5Li2O·0.5SiO2", {"Li": 1, "O": 1.5, "Si": 0.5}),
        ("Al2O3.SiO2", {"Al": 2, "O": 5, "Si": 1}),
        ("Fe₂O₃", {"Fe": 2, "O": 3}),
        ("Ｆｅ２Ｏ３", {"Fe": 2, "O": 3}),
        ("（Ｍｇ０．９Ｆｅ０．１）２ＳｉＯ４", {"Mg": 1.8, "Fe": 0.2, "Si": 1, "O": 4}),
        (" Na Cl ", {"Na": 1, "Cl": 1}),
        ("Fe1e-3O", {"Fe": 0.001, "O": 1}),
        ("Mg1/4O", {"Mg": 0.25, "O": 1}),
        ("NaN", {"Na": 1, "N": 1}),
        ("Na", {"Na": 1}),
        ("No", {"No": 1}),
        ("Yb", {"Yb": 1}),
    ],
)
def test_a_formula_is_read_as_a_chemist_reads_it(formula: str, expected: dict[str, float]) -> None:
    assert parse(formula) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("formula", "position", "words"),
    [
        ("Fe2O3)", 5, "closes no bracket"),
        ("Fe(OH", 2, "never closed"),
        ("(Fe]2", 3, "expected ')'"),
        ("()Fe", 1, "no element"),
        ("Xx2", 0, "did you mean"),
        ("FeOx", 2, "no element 'Ox'"),
        ("La1-xSrxMnO3", 3, "charge or a negative amount"),
        ("fe2O3", 0, "starts no element symbol"),
        ("H2O·5", 4, "formula such as 5H2O"),
        ("H2O·", 4, "before nothing"),
        ("·H2O", 0, "no element"),
        ("5", 0, "before nothing"),
        ("(2)Fe", 1, "follows no element"),
        ("Fe0", 2, "amount 0"),
        ("Fe0O1", 2, "leave out"),
        ("Fe-2O3", 2, "negative amount"),
        ("Fe1e-12O", 2, "amount 1e-12"),
        ("Fe1e999", 2, "amount inf"),
        ("Fe1/0", 2, "amount 0"),
        ("Fe3+", 3, "neutral formula"),
        ("SO4^2-", 3, "neutral formula"),
        ("SO₄²⁻", 3, "neutral formula"),
        ("Fe0,5O", 2, "amount 0"),
        ("Fe1,5O", 3, "with a point"),
        ("D2O", 0, "write H"),
        ("Fe?", 2, "does not belong"),
        ("٣Fe", 0, "does not belong"),
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("C" * 5000, 500, "at most 500"),
    ],
)
def test_what_is_no_neutral_formula_is_refused_with_its_position(formula: str, position: int, words: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(formula)
    assert words in str(caught.value)
    assert caught.value.position == position
    assert isinstance(caught.value, ScitrainError)
    assert len(str(caught.value)) < 300


def test_every_element_of_the_periodic_table_is_known() -> None:
    assert len(SYMBOLS) == 118
    assert parse("".join(SYMBOLS)) == dict.fromkeys(SYMBOLS, 1.0)


@given(compositions)
def test_writing_and_reading_gives_the_composition_back(composition: dict[str, float]) -> None:
    assert parse(write(composition)) == composition
    assert canonical(write(composition)) == write(composition)


@given(compositions, st.randoms(use_true_random=False))
def test_the_order_of_elements_does_not_matter(composition: dict[str, float], rng: random.Random) -> None:
    items = list(composition.items())
    rng.shuffle(items)
    shuffled = "".join(f"{symbol}{amount}" for symbol, amount in items)
    assert canonical(shuffled) == write(composition)
    assert reduced(shuffled) == reduced(write(composition))


@given(compositions, st.integers(1, 12))
def test_a_bracket_equals_its_expansion(composition: dict[str, float], factor: int) -> None:
    text = write(composition)
    for opening, closing in ("()", "[]", "{}"):
        expanded = {symbol: amount * factor for symbol, amount in composition.items()}
        assert parse(f"{opening}{text}{closing}{factor}") == pytest.approx(expanded)


@given(compositions, st.integers(1, 9))
def test_reduced_formulas_know_no_multiples(composition: dict[str, float], factor: int) -> None:
    text = write(composition)
    assert reduced(f"({text}){factor}") == reduced(text)
    assert chemical_system(reduced(text)) == chemical_system(text)


@given(st.text(max_size=30) | st.text(alphabet="FeONaH0123456789.·()[]{}*e-/", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        composition = parse(text)
    except FormulaError:
        return
    assert composition
    assert all(amount > 0 for amount in composition.values())
    assert parse(canonical(text)) == composition


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("Fe4O6", "Fe2O3"), ("FeO1.5", "Fe2O3"), ("O3Fe2", "Fe2O3"), ("H2O", "H2O"), ("Mg0.333333Nb0.666667", "MgNb2")],
)
def test_the_reduced_formula_is_the_smallest_whole_ratio(formula: str, expected: str) -> None:
    assert reduced(formula) == expected


def test_a_ratio_without_small_whole_numbers_is_written_as_atomic_fractions() -> None:
    text = reduced("Fe0.6201C0.000953")
    assert sum(parse(text).values()) == pytest.approx(1, abs=1e-6)
    assert reduced("(Fe0.6201C0.000953)3") == text


def test_the_chemical_system_is_alphabetical() -> None:
    assert chemical_system("LiFePO4") == "Fe-Li-O-P"
