import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from scitrain.evaluation.bootstrap import wilson
from scitrain.generation.measures import mean_of, share_of, wasserstein

RNG = np.random.default_rng(0)


def test_a_share_is_counted_and_has_wilsons_interval() -> None:
    found = share_of("x", [True, True, False, True], "w")
    assert (found.value, found.n) == (0.75, 4)
    assert (found.low, found.high) == wilson(0.75, 4)


def test_a_share_of_nothing_is_undefined_with_a_reason() -> None:
    found = share_of("x", [], "w")
    assert found.value is None
    assert found.reason


def test_a_mean_leaves_out_what_is_unknown() -> None:
    found = mean_of("x", [1.0, float("nan"), 3.0, 5.0], "w", "eV")
    assert (found.value, found.n, found.unit) == (3.0, 3, "eV")
    assert found.low is not None
    assert found.high is not None
    assert found.low < 3 < found.high


def test_the_interval_of_a_median_holds_it_in_most_samples() -> None:
    held = 0
    for _ in range(300):
        found = mean_of("x", RNG.exponential(size=80), "w", median=True)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= np.log(2) <= found.high
    assert 0.92 <= held / 300 <= 0.995


def test_the_wasserstein_distance_is_that_of_scipy() -> None:
    own, other = RNG.normal(size=150), RNG.normal(1.0, 2.0, size=90)
    found = wasserstein("x", own, other, "w")
    assert found.value == pytest.approx(wasserstein_distance(own, other))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.beside["two halves of the reference"] < found.value


def test_two_values_a_step_apart_are_one_apart() -> None:
    assert wasserstein("x", np.array([0.0, 1.0]), np.array([1.0, 2.0]), "w").value == pytest.approx(1.0)


def test_a_record_is_finite_json() -> None:
    assert share_of("x", [], "w").record()["value"] is None
    assert "reason" not in share_of("x", [True], "w").record()
