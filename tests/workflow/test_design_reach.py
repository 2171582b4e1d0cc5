import numpy as np
import pytest

from scitrain.errors import ScitrainError
from scitrain.generation.goals import Goal
from scitrain.workflow.design_reach import check_reach
from scitrain.workflow.design_rivals import Known

KNOWN = Known(["a", "b"], {"cost": np.array([1.0, 5.0])}, {"gap": (0.0, 10.0)})
UNITS = {"gap": "eV", "cost": "USD/kg", "logp": ""}


def warned(name: str, **goal: float) -> list[str]:
    return check_reach({name: Goal.model_validate(goal)}, KNOWN, UNITS)


def test_goals_within_the_labels_bring_no_warning() -> None:
    assert (
        warned("gap", value=10)
        == warned("gap", min=9, max=30)
        == warned("gap", max=3)
        == warned("logp", value=99)
        == []
    )


def test_goals_outside_the_labels_are_warned_of_and_far_ones_refused() -> None:
    assert "an extrapolation" in warned("gap", value=15)[0]
    assert "an extrapolation" in warned("gap", min=12)[0]
    with pytest.raises(ScitrainError, match="ask within -5 … 15"):
        warned("gap", value=500)
    with pytest.raises(ScitrainError, match="too far outside"):
        warned("gap", max=-6)


def test_calculated_properties_are_never_refused() -> None:
    assert "outside the known materials (1 … 5 USD/kg)" in warned("cost", value=500)[0]
