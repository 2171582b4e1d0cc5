import numpy as np
import pytest

from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.generation.conditions import Condition, Told, asked_goals
from scitrain.generation.goals import Goal
from scitrain.generation.heeding import heeded, heeding_measures, varies

LOGP = Condition(name="logp", unit=None, mean=2.0, scale=2.0, low=-2.0, high=6.0)


def test_the_figures_of_heeding_are_those_worked_by_hand() -> None:
    asked, got = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 4.0])
    told = heeded(asked, got)
    assert told["mae"] == pytest.approx(0.5)
    assert told["bias"] == pytest.approx(0.5)
    assert told["r2"] == pytest.approx(1 - 1.25 / 3.5)  # Σ(got − 2.5)² = 1 + 0.25 + 2.25
    assert heeded(np.zeros(0), np.zeros(0)) == {"mae": None, "bias": None, "r2": None, "n": 0}
    assert heeded(np.ones(3), np.full(3, 2.0))["r2"] is None


def test_r2_is_told_where_asked_values_differ_alone_and_nothing_is_taken_over_unknown_values() -> None:
    asked = np.array([1.0, 2.0, 3.0, np.nan, 2.5])
    got = np.array([1.0, 2.5, 3.0, 7.0, np.nan])
    measures = {one.name: one for one in heeding_measures("gap", asked, got, "eV")}
    assert {name: one.n for name, one in measures.items()} == {"error_gap": 3, "bias_gap": 3, "r2_gap": 3}
    assert (measures["error_gap"].unit, measures["r2_gap"].unit) == ("eV", "")
    assert measures["r2_gap"].value == heeded(asked[:3], got[:3])["r2"]
    assert "r2_gap" not in {one.name for one in heeding_measures("gap", np.full(4, 2.0), np.arange(4.0), "eV")}
    assert not varies(np.array([np.nan, 1.0, 1.0]))


def test_a_generator_that_ignores_what_is_asked_has_no_r2_to_speak_of() -> None:
    rng = np.random.default_rng(0)
    asked = rng.uniform(-1, 5, 500)
    deaf = rng.uniform(-1, 5, 500)
    [_, _, blind] = heeding_measures("logp", asked, deaf, "")
    [_, bias, keen] = heeding_measures("logp", asked, asked + rng.normal(0.3, 0.1, 500), "")
    assert blind.high is not None
    assert blind.high < 0
    assert keen.low is not None
    assert keen.low > 0.9
    assert bias.low is not None
    assert bias.high is not None
    assert bias.low < 0.3 < bias.high


def test_a_range_is_spread_evenly_and_a_value_told_alike() -> None:
    told, warnings = asked_goals([LOGP], {"logp": Goal(min=0.0, max=4.0)})
    values = told.values(2000, 7)
    assert values.shape == (2000, 1)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == pytest.approx((-1.0, 1.0), abs=0.01)
    assert np.array_equal(values, told.values(2000, 7))
    assert not warnings
    alike, _ = asked_goals([LOGP], {"logp": Goal(value=4.0, tolerance=0.1)})
    assert alike.values(5, 0).tolist() == [1.0]
    nothing, _ = asked_goals([LOGP], {})
    assert np.isnan(nothing.values(5, 0)).all()


@pytest.mark.parametrize(
    "goal", [Goal(min=1.0), Goal(max=1.0), Goal(direction="maximize"), Goal(min=0, max=1, direction="minimize")]
)
def test_what_cannot_be_told_to_a_generator_is_refused(goal: Goal) -> None:
    with pytest.raises(ScitrainError, match="min and max"):
        asked_goals([LOGP], {"logp": goal})


def test_both_ends_of_a_range_are_held_against_what_was_learned() -> None:
    _, warnings = asked_goals([LOGP], {"logp": Goal(min=0.0, max=7.0)})
    assert "extrapolation" in warnings[0]
    with pytest.raises(ScitrainError, match="too far outside"):
        asked_goals([LOGP], {"logp": Goal(min=-90.0, max=3.0)})
    with pytest.raises(UnknownNameError, match="logp"):
        asked_goals([LOGP], {"logP": Goal(min=0.0, max=3.0)})


def test_a_fixed_property_stays_fixed_beside_one_that_is_spread() -> None:
    values = Told(np.array([0.5, -1, np.nan], dtype=np.float32), np.array([0.5, 1, np.nan], dtype=np.float32)).values(
        50, 1
    )
    assert set(values[:, 0].tolist()) == {0.5}
    assert len(set(values[:, 1].tolist())) == 50
    assert np.isnan(values[:, 2]).all()
