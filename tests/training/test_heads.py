"""What a network says of a number: the laws of the Gaussian and the quantile head."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.models.mlp import Mlp
from scitrain.training.fit import fit
from scitrain.training.floors import floors_of
from scitrain.training.heads import FlooredHead, GaussianHead, Head, QuantileHead
from scitrain.training.learning import Learning
from scitrain.training.losses import Loss
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.training.predictor import build_predictor

ONE, ZERO = torch.ones(1), torch.zeros(1)


def raw(variance: float) -> float:
    """Return the output that means a variance."""
    return math.log(math.expm1(variance))


def test_the_nll_by_hand() -> None:
    # μ = 1, σ² = 4, y = 3: ½ ln(8π) + 4/8 = 2.1121; β-NLL multiplies by √4
    outputs, y = torch.tensor([[[1.0, raw(4.0)]]]), torch.tensor([[[3.0]]])
    assert GaussianHead().loss(outputs, y, proper=True).item() == pytest.approx(2.1121, abs=1e-4)
    assert GaussianHead().loss(outputs, y).item() == pytest.approx(2 * 2.1121, abs=2e-4)


def test_the_pinball_loss_by_hand() -> None:
    # ends 1 and 3 about the median 2, y = 4: errors 3, 2, 1 at the levels .1, .5, .9
    one = raw(1.0)
    found = QuantileHead(0.8).loss(torch.tensor([[[2.0, one, one]]]), torch.tensor([[[4.0]]]))
    assert found.item() == pytest.approx((0.1 * 3 + 0.5 * 2 + 0.9 * 1) / 3, abs=1e-6)


def test_members_are_a_mixture_by_hand() -> None:
    # N(1, 1) and N(3, 4) in equal parts: mean 2, variance (1 + 4)/2 + 1; in a unit of 10 about 5
    outputs = torch.tensor([[[1.0, raw(1.0)]], [[3.0, raw(4.0)]]])
    mean, spread = GaussianHead().combine(outputs, 10 * ONE, 5 * ONE)
    assert mean.item() == pytest.approx(25.0)
    assert spread.item() == pytest.approx(10 * math.sqrt(3.5), rel=1e-5)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=12, max_size=12))
@settings(max_examples=25, deadline=None)
def test_quantiles_never_cross(numbers: list[float]) -> None:
    outputs = torch.tensor(numbers).view(2, 1, 6)  # two members, two targets
    middle, spread, ends = QuantileHead(0.9).combine(outputs, torch.tensor([2.0, 0.5]), torch.tensor([1.0, -3.0]))
    assert (ends[..., 0] <= middle).all()
    assert (middle <= ends[..., 1]).all()
    assert (spread >= 0).all()


def test_a_standard_normal_between_its_quantiles_has_the_spread_one() -> None:
    _, spread, _ = QuantileHead(0.9).combine(torch.tensor([[[0.0, raw(1.6449), raw(1.6449)]]]), ONE, ZERO)
    assert spread.item() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("head", [GaussianHead(), QuantileHead(0.9)])
def test_a_missing_label_takes_no_part(head: GaussianHead | QuantileHead) -> None:
    torch.manual_seed(0)
    outputs, y = torch.randn(2, 5, 2 * head.columns), torch.randn(2, 5, 2)
    holes = y.clone()
    holes[:, 1] = float("nan")
    kept = [0, 2, 3, 4]
    whole = Loss("regression", head.kind, None, False, head).mean(outputs[:, kept], y[:, kept])
    torch.testing.assert_close(Loss("regression", head.kind, None, True, head).mean(outputs, holes), whole)


def noisy(loss: str, n: int = 400, targets: int = 1) -> Learning:
    """Return a learning whose noise is 0.1 left of zero and 0.5 right of it."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (n, 1)).astype(np.float32)
    noise = np.where(x > 0, 0.5, 0.1) * rng.normal(size=(n, targets))
    y = (3 * x + noise + 10).astype(np.float32)
    y[::7, 1:] = np.nan
    options = TrainingOptions(
        loss=loss, epochs=60, patience=60, ensemble=1, batch_size=32, device="cpu", learning_rate=1e-2
    )  # type: ignore[arg-type]
    rows = np.arange(n)
    model = Mlp(widths=[16], dropout=0.0, norm="none")
    return Learning("regression", x, y, rows[:320], rows[320:], targets, model, InputShape("vector", (1,)), options)


@pytest.mark.parametrize("loss", ["gaussian", "quantile"])
def test_a_head_learns_noise_that_differs_from_row_to_row(loss: str, run) -> None:
    fitted = fit(noisy(loss, targets=2), run)
    grid = np.linspace(-0.9, 0.9, 37, dtype=np.float32)[:, None]
    said = predict_array(fitted.predictor, grid)
    quiet, loud = said.spread[grid[:, 0] < -0.3].mean(axis=0), said.spread[grid[:, 0] > 0.3].mean(axis=0)
    np.testing.assert_allclose(quiet, 0.1, atol=0.1)
    np.testing.assert_allclose(loud, 0.5, atol=0.15)
    assert (loud > 2.5 * quiet).all()
    assert (said.ends is None) == (loss == "gaussian")
    assert np.abs(said.prediction - (3 * grid + 10)).max() < 0.4
    assert all(math.isfinite(epoch["val_loss"]) for epoch in fitted.history)


def test_classes_have_no_such_head(learning, run) -> None:
    with pytest.raises(ScitrainError, match="this task is binary"):
        fit(learning("binary", loss="gaussian"), run)


def test_what_members_agree_on_is_cut_at_the_floor_of_its_target_and_their_spread_is_not() -> None:
    outputs = torch.tensor([[[-3.0, -3.0]], [[1.0, 1.0]]])
    prediction, spread = FlooredHead((0.0, -math.inf)).combine(outputs, torch.ones(2), torch.zeros(2))
    assert prediction.tolist() == [[0.0, -1.0]]
    torch.testing.assert_close(spread, torch.full((1, 2), 8**0.5))


def test_where_labels_pile_up_members_vote() -> None:
    head = FlooredHead((0.0,))
    for said, told in (
        ([-1.0, 3.0, -2.0], 0.0),
        ([1.0, 9.0, 2.0], 2.0),
        ([1.0, 9.0, 2.0, 4.0], 3.0),
        ([1.0, 4.0], 2.5),
    ):
        assert head.combine(torch.tensor(said)[:, None, None], ONE, ZERO)[0].tolist() == [[told]]


def test_labels_that_pile_up_at_their_smallest_have_a_floor_there_and_no_others() -> None:
    piled, high = [0.0] * 3 + [1.0] * 7, [0.0, 1.0, 2.0, *[3.0] * 7]
    labels = np.array([piled, high, [math.nan] * 10, list(range(10))], np.float32).T
    assert floors_of(labels) == (0.0, -math.inf, -math.inf, -math.inf)
    assert floors_of(labels[:, 1:]) == ()


def test_nothing_is_predicted_below_a_spike_at_zero_and_the_choice_is_written_down(run) -> None:
    whole = noisy("auto", targets=1)
    fitted = fit(replace(whole, y=np.maximum(whole.y - 10, 0)), run)
    said = predict_array(fitted.predictor, whole.x).prediction
    assert said.min() == 0
    assert (said == 0).mean() > 0.2
    assert {one.what: one.value for one in run.record().decisions}["floor"] == [0.0]


@pytest.mark.parametrize("head", [GaussianHead(), QuantileHead(0.9), FlooredHead((0.0, -math.inf))])
def test_heads_are_exported_with_a_dynamic_batch(head: Head) -> None:
    predictor = build_predictor("regression", Mlp(widths=[8]), InputShape("vector", (3,)), 2, 3, head).eval()
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(predictor, (torch.rand(2, 3),), dynamic_shapes=({0: batch},))
    rows = torch.rand(5, 3)
    for ours, theirs in zip(predictor(rows), program.module()(rows), strict=True):
        torch.testing.assert_close(ours, theirs)
