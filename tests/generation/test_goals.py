import math

import numpy as np
import pytest
from pydantic import ValidationError

from scitrain.generation.goals import Goal
from scitrain.generation.satisfaction import chance, miss


def test_a_value_is_satisfied_within_its_tolerance() -> None:
    goal = Goal(value=2.0, tolerance=0.3)
    assert goal.ends == (1.7, 2.3)
    assert miss(goal, np.array([1.7, 2.0, 2.5, 1.0, np.nan]), 0.3).tolist() == pytest.approx(
        [0, 0, 2 / 3, 7 / 3, np.inf]
    )
    assert goal.words("eV") == "2 ± 0.3 eV"


def test_a_value_without_a_tolerance_takes_a_tenth() -> None:
    assert Goal(value=5.0).ends == (4.5, 5.5)
    assert Goal(value=0.0).ends == (-0.1, 0.1)


def test_open_ends_are_infinite() -> None:
    assert Goal(min=1.0).ends == (1.0, math.inf)
    assert Goal(direction="minimize").ends == (-math.inf, math.inf)
    assert Goal(max=3.0, direction="minimize").words() == "≤ 3, minimize"


@pytest.mark.parametrize("given", [{}, {"value": 1, "min": 0}, {"tolerance": 1, "min": 0}, {"min": 2, "max": 1}])
def test_what_says_nothing_or_two_things_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Goal.model_validate(given)


def test_the_chance_is_that_of_a_normal_error() -> None:
    goal = Goal(min=0.0)
    found = chance(goal, np.array([0.0, 1.0, 1.0, -1.0, np.nan]), np.array([1.0, 1.0, 0.0, 0.0, 1.0]))
    assert found.tolist() == pytest.approx([0.5, 0.8413447, 1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    "goal",
    [{"value": float("nan")}, {"min": float("inf")}, {"value": 2, "tolerance": float("inf")}, {"max": float("nan")}],
)
def test_what_is_no_finite_number_is_no_goal(goal):
    with pytest.raises(ValidationError, match="finite"):
        Goal(**goal)
