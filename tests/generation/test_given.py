import pytest

from scitrain.errors import DataError
from scitrain.generation.given import common_measures, read_given, recognise_kind


def test_repeats_are_found_by_what_they_are_and_not_by_spelling() -> None:
    given = read_given("smiles", ["OCC", "CCO", "CC(", "c1ccccc1", "C1=CC=CC=C1"], ["CCO"])
    assert given.valid.tolist() == [True, True, False, True, True]
    assert given.repeats == {1: 0, 4: 3}
    assert given.unique.tolist() == [0, 3]
    validity, uniqueness, novelty = common_measures(given)
    assert (validity.value, validity.n) == (0.8, 5)
    assert (uniqueness.value, uniqueness.n) == (0.5, 4)
    assert (novelty.value, novelty.n) == (0.5, 2)


def test_sodium_nitride_is_a_formula_and_reduced_formulas_are_compared() -> None:
    given = read_given("formula", ["NaN", "Fe4O6", "O3Fe2", "Na+", "", "D2O"], ["Fe2O3"])
    assert given.names[:3] == ["NaN", "Fe2O3", "Fe2O3"]
    assert list(given.errors) == [3, 4, 5]
    assert common_measures(given)[2].value == 0.5


def test_without_a_reference_novelty_is_undefined() -> None:
    found = common_measures(read_given("smiles", ["C"], None))[2]
    assert found.value is None
    assert "no reference" in found.reason


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["CO", "NO", "Fe2O3"], "formula"),
        (["CO", "CC(=O)O"], "smiles"),
        (["CO"], "smiles"),
        (["🙂", "NaN", "LiCoO2"], "formula"),
    ],
)
def test_the_kind_is_what_most_read_as(texts: list[str], kind: str) -> None:
    assert recognise_kind(texts) == kind


def test_mixed_kinds_and_unreadable_texts_are_refused_with_examples() -> None:
    with pytest.raises(DataError, match=r"Fe2O3.*c1ccccc1"):
        recognise_kind(["Fe2O3", "LiCoO2", "c1ccccc1", "CC(=O)O"])
    with pytest.raises(DataError, match="none of the first 2"):
        recognise_kind(["🙂", "??"])


@pytest.mark.parametrize("reference", [["LiFeO2", "Na3N"], []])
def test_a_reference_of_another_kind_is_refused_for_all_would_be_new_beside_it(reference: list[str]) -> None:
    with pytest.raises(DataError, match=r"none of the \d rows of the reference reads as SMILES .*leave reference out"):
        read_given("smiles", ["CCO"], reference)
