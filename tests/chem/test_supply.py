import pytest

from scitrain.chem.element_screening import screening
from scitrain.chem.supply import molar_mass, supply


def test_the_price_is_the_mean_over_mass_fractions() -> None:
    iron, oxygen = screening()["Fe"]["cost"], screening()["O"]["cost"]
    assert iron is not None
    assert oxygen is not None
    mass = 2 * 55.845 + 3 * 15.9994
    expected = (2 * 55.845 * iron + 3 * 15.9994 * oxygen) / mass
    assert supply({"Fe": 2, "O": 3}).cost == pytest.approx(expected, rel=1e-4)
    assert molar_mass({"Fe": 2, "O": 3}) == pytest.approx(mass, rel=1e-4)


def test_the_scarcest_element_and_hazards_are_named() -> None:
    found = supply({"Pb": 1, "Te": 1})
    assert found.scarcest == "Te"
    assert found.hazards == ("Pb toxic (ICH Q3D class 1)",)
    assert supply({"Fe": 2, "O": 3}).hazards == ()


def test_what_no_source_knows_is_not_guessed() -> None:
    found = supply({"Np": 1, "O": 2})
    assert found.cost is None
    assert found.abundance is None
    assert found.hazards == ("Np radioactive",)
