from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from scitrain.figures.asked_and_got import AskedFor, asked_and_got
from scitrain.figures.candidate_distributions import candidate_distributions
from scitrain.figures.design_front import Axis, design_front
from scitrain.figures.design_progress import design_progress
from scitrain.figures.element_shares import element_shares
from scitrain.figures.funnel import funnel
from scitrain.figures.molecule_grid import molecule_grid

RNG = np.random.default_rng(0)
INFINITE = float("inf")


def words(figure: Figure) -> str:
    """Draw the figure and return all its text."""
    figure.savefig(BytesIO(), format="png")
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def test_distributions_show_both_sets_and_what_was_wanted() -> None:
    values = {
        "gap": RNG.normal(2, 1, 300),
        "cost": 10 ** RNG.uniform(-1, 4, 300),
        "rings": RNG.integers(0, 5, 300) * 1.0,
    }
    said = words(
        candidate_distributions(values, {"gap": RNG.normal(0, 1, 50)}, {"gap": "eV"}, {"gap": (1.8, INFINITE)}, "set")
    )
    for word in ("gap (eV)", "n = 300, reference 50", "candidates", "reference", "wanted"):
        assert word in said


def test_a_property_of_one_value_and_one_without_any_are_drawn_or_left_out() -> None:
    said = words(candidate_distributions({"a": np.full(5, 1.5), "b": np.full(5, np.nan)}, {}, {}, {}, "s"))
    assert "n = 5" in said
    assert "b" not in said.splitlines()


def test_of_many_properties_those_wanted_are_drawn_and_the_cut_is_said() -> None:
    values = {f"property {i}": RNG.normal(size=9) for i in range(9)}
    said = words(candidate_distributions(values, {}, {}, {"property 8": (0.0, 1.0)}, "s"))
    assert "6 of 9 properties are drawn" in said
    assert "property 8" in said


def test_elements_stand_with_their_share_and_that_of_the_reference() -> None:
    said = words(element_shares({"O": 0.5, "Fe": 0.25}, {"O": 0.75, "Al": 0.1}, "s"))
    for word in ("50 %", "ref 75 %", "ref 10 %", "25 %"):
        assert word in said
    assert "ref" not in words(element_shares({"O": 1.0}, None, "s"))


def test_the_colours_of_shares_end_at_all_candidates() -> None:
    bar = element_shares({"O": 0.9, "Fe": 0.25}, None, "s").axes[1]
    assert bar.get_xlim() == (0, 100)


def test_the_first_molecules_are_drawn_and_the_cut_is_said() -> None:
    said = words(molecule_grid(["CCO"] * 14, [[f"name {i}", "QED 1"] for i in range(14)], "Best", "s"))
    assert "12 of 14 are drawn" in said
    assert "12. name 11" in said
    assert "name 12" not in said


def test_the_funnel_tells_numbers_and_shares() -> None:
    said = words(funnel([("drawn", 200), ("new", 50), ("satisfy every goal", 0)], "s"))
    assert "50  (25 %)" in said
    assert "0  (0 %)" in said


def test_two_goals_show_the_front_and_known_materials() -> None:
    x = Axis("gap", "eV", np.array([1.0, 2.0, np.nan]), np.array([1.5, np.nan]), (1.8, 2.2))
    y = Axis("cost", "USD/kg", np.array([3.0, 4.0, 5.0]), np.array([2.0, 3.0]), (-INFINITE, 5.0))
    said = words(design_front(x, y, np.array([False, True, True]), np.array([False, True, False]), "s"))
    for word in ("known, as measured", "given up (1)", "Pareto front (1)", "gap (eV)"):
        assert word in said


def test_rounds_are_drawn_by_predictions() -> None:
    said = words(design_progress([{"predictions": 20, "satisfied": 0.0}, {"predictions": 40, "satisfied": 0.5}], "s"))
    assert "predictions so far" in said


def test_what_was_got_stands_against_what_was_asked() -> None:
    asked = np.array([0.0, 1.0, 2.0, np.nan])
    said = words(
        asked_and_got([AskedFor("band_gap", "eV", asked, asked + 0.5), AskedFor("cost", "", asked, asked)], "s")
    )
    for word in ("asked band gap (eV)", "got band gap (eV)", "mean miss 0.500, n = 3", "as asked", "asked cost"):
        assert word in said
