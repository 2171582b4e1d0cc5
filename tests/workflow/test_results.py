import numpy as np
import pytest

from scitrain.data.prepared import Target
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.report import Evaluation, evaluate
from scitrain.workflow.results import headlines

RNG = np.random.default_rng(3)


def judged(*units: str) -> Evaluation:
    y = RNG.normal(size=(60, len(units)))
    told = Predicted(y=y, prediction=y + RNG.normal(scale=0.2, size=y.shape))
    targets = tuple(Target(name=f"t{i}", unit=unit) for i, unit in enumerate(units))
    return evaluate(Problem("regression", targets, resamples=50), told, told)


def test_an_error_without_a_mean_over_the_targets_is_said_of_each_target_in_its_own_unit() -> None:
    told = headlines("regression", judged("eV", "MPa"))
    errors = [(m.name, m.target, m.unit) for m in told if m.name in ("rmse", "mae")]
    assert errors == [("rmse", "t0", "eV"), ("rmse", "t1", "MPa"), ("mae", "t0", "eV"), ("mae", "t1", "MPa")]
    assert all(m.value is not None for m in told)


@pytest.mark.parametrize("units", [("eV",), ("eV", "eV")])
def test_each_metric_is_said_once_where_it_has_a_mean(units: tuple[str, ...]) -> None:
    names = [m.name for m in headlines("regression", judged(*units))]
    assert len(names) == len(set(names))
