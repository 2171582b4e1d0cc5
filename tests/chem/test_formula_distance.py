import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.chem.formula_distance import cumulative, element_movers_distance, nearest, scale

COMPOSITION = st.dictionaries(
    st.sampled_from(["Li", "Na", "K", "Fe", "O", "S", "Cl", "Ti"]), st.integers(1, 6).map(float), min_size=1, max_size=4
)


def test_half_the_atoms_move_one_step_from_sodium_to_potassium_chloride() -> None:
    assert scale()["Na"] - scale()["K"] == 1
    assert element_movers_distance({"Na": 1, "Cl": 1}, {"K": 1, "Cl": 1}) == pytest.approx(0.5)


def test_changed_amounts_move_only_what_changed() -> None:
    # Fe2O3 is .4 iron, FeO .5: a tenth of the atoms goes from oxygen to iron
    apart = abs(scale()["Fe"] - scale()["O"])
    assert element_movers_distance({"Fe": 2, "O": 3}, {"Fe": 1, "O": 1}) == pytest.approx(0.1 * apart, rel=1e-4)


@given(COMPOSITION, COMPOSITION, COMPOSITION)
def test_it_is_a_metric(one: dict[str, float], two: dict[str, float], three: dict[str, float]) -> None:
    assert element_movers_distance(one, two) == pytest.approx(element_movers_distance(two, one), abs=1e-4)
    assert element_movers_distance(one, {symbol: 3 * a for symbol, a in one.items()}) == pytest.approx(0, abs=1e-4)
    direct, around = element_movers_distance(one, three), element_movers_distance(one, two)
    assert direct <= around + element_movers_distance(two, three) + 1e-3


@given(st.lists(COMPOSITION, min_size=1, max_size=5), st.lists(COMPOSITION, min_size=1, max_size=200))
def test_the_bounded_search_finds_what_trying_all_finds(
    query: list[dict[str, float]], known: list[dict[str, float]]
) -> None:
    rows, all_known = cumulative(query), cumulative(known)
    for row, (place, distance) in zip(rows, nearest(query, known), strict=True):
        every = np.abs(all_known - row).sum(axis=1)
        assert distance == pytest.approx(float(every.min()), abs=1e-3)
        assert every[place] == pytest.approx(distance, abs=1e-3)
