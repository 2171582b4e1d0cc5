"""Several targets of different kinds on one encoder."""

import math

import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.data.slots import Slot
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted, Learning
from scitrain.training.losses import Loss, make_loss
from scitrain.training.mixed_head import MixedHead
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.training.weighing import share_out

SLOTS = (Slot("energy", "regression", 0, 1), Slot("stable", "binary", 1, 2), Slot("kind", "multiclass", 2, 5))
HEAD = MixedHead(SLOTS)


def rows(n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose three targets all follow from two numbers, a third of the labels missing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    y = np.stack([100 + 10 * x[:, 0], x[:, 1] > 0, np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7])], axis=1)
    y[rng.random(y.shape) < 0.33] = np.nan
    return x, y.astype(np.float32)


def learning(**options: object) -> Learning:
    x, y = rows()
    asked = {"epochs": 40, "ensemble": 2, "batch_size": 32, "learning_rate": 0.01} | options
    return Learning(
        task="mixed",
        x=x,
        y=y,
        train=np.arange(160),
        val=np.arange(160, 240),
        n_outputs=5,
        model=Mlp(widths=[16], norm="none", dropout=0.0),
        shape=InputShape("vector", (6,)),
        options=TrainingOptions.model_validate(asked),
        slots=SLOTS,
    )


@pytest.fixture
def fitted(run: Run) -> Fitted:
    return fit(learning(), run)


def labels(*values: float) -> torch.Tensor:
    return torch.tensor([[values]])


def loss(options: TrainingOptions | None = None, y: np.ndarray | None = None) -> Loss:
    given = np.full((4, 3), np.nan) if y is None else y
    return make_loss("mixed", options or TrainingOptions(), given, 5, "cpu", HEAD)


def test_the_loss_of_a_row_is_the_mean_over_the_labels_it_has() -> None:
    outputs = torch.tensor([[[2.0, 0.0, 0.0, 0.0, 0.0]]])
    whole = loss().mean(outputs, labels(1.0, 1.0, 2.0)).item()
    assert whole == pytest.approx((1.0 + math.log(2) + math.log(3)) / 3)
    part = loss().mean(outputs, labels(float("nan"), 1.0, float("nan"))).item()
    assert part == pytest.approx(math.log(2))


def test_fixed_weights_count_a_target_as_often_as_they_say() -> None:
    weighed = loss()
    share_out(weighed, {"energy": 3.0}, SLOTS, "cpu")
    outputs = torch.tensor([[[2.0, 0.0, 0.0, 0.0, 0.0]]])
    found = weighed.mean(outputs, labels(1.0, 1.0, 2.0)).item()
    assert found == pytest.approx((3.0 + math.log(2) + math.log(3)) / 5)


def test_learned_weights_are_those_of_kendall_and_epochs_are_compared_without() -> None:
    weighed = loss()
    share_out(weighed, "uncertainty", SLOTS, "cpu")
    outputs = torch.tensor([[[2.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, -1.0]]])
    y = labels(1.0, 1.0, 2.0)
    expected = 0.5 * (math.exp(-0.5) * 1.0 + 0.5) + math.log(2) + (math.e * math.log(3) - 0.5)
    assert weighed.mean(outputs, y).item() == pytest.approx(expected / 3)
    assert weighed.mean(outputs, y, proper=True).item() == pytest.approx((1.0 + math.log(2) + math.log(3)) / 3)


def test_balanced_weights_make_the_classes_of_each_target_even() -> None:
    y = np.array([[5.0, 1, 0], [-7.0, 0, 1], [0.0, 0, 1], [1.0, 0, np.nan]], dtype=np.float32)
    weighed = loss(TrainingOptions(class_weights="balanced"), y)
    weights = weighed._label_weights(torch.from_numpy(y)[None])[0]
    assert weights[:, 0].tolist() == [1.0] * 4
    assert weights[:, 1].tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    assert weights[:, 2].tolist() == pytest.approx([1.0, 0.5, 0.5, 0.0])


def test_a_list_of_class_weights_is_refused_for_mixed_targets() -> None:
    with pytest.raises(ScitrainError, match="balanced"):
        loss(TrainingOptions(class_weights=[1.0, 2.0]))


def test_a_weight_of_an_unknown_target_is_refused_with_the_near_name() -> None:
    with pytest.raises(UnknownNameError, match="energy"):
        share_out(loss(), {"enrgy": 2.0}, SLOTS, "cpu")


def test_weights_of_a_single_target_are_refused() -> None:
    with pytest.raises(ScitrainError, match="several targets"):
        share_out(loss(), "uncertainty", SLOTS[:1], "cpu")


def test_every_target_is_learned_in_its_own_unit_and_as_probabilities(fitted: Fitted) -> None:
    x, y = rows()
    said = predict_array(fitted.predictor, x[160:])
    known = ~np.isnan(y[160:])
    error = said.prediction[known[:, 0], 0] - y[160:][known[:, 0], 0]
    assert np.sqrt((error**2).mean()) < 4
    assert ((said.prediction[known[:, 1], 1] > 0.5) == (y[160:][known[:, 1], 1] > 0.5)).mean() > 0.85
    assert np.allclose(said.prediction[:, 2:].sum(1), 1, atol=1e-5)
    assert (said.prediction[known[:, 2], 2:].argmax(1) == y[160:][known[:, 2], 2]).mean() > 0.75
    assert said.spread.shape == said.prediction.shape
    assert fitted.history[-1]["val_accuracy"] > 0.75


def test_a_temperature_a_target_leaves_numbers_and_rankings_alone(fitted: Fitted) -> None:
    x, _ = rows()
    before = predict_array(fitted.predictor, x[160:]).prediction
    fitted.predictor.set_temperature([1.0, 2.0, 4.0])
    after = predict_array(fitted.predictor, x[160:]).prediction
    assert np.array_equal(before[:, 0], after[:, 0])
    assert (np.argsort(before[:, 1]) == np.argsort(after[:, 1])).all()
    assert (np.abs(after[:, 1] - 0.5) <= np.abs(before[:, 1] - 0.5) + 1e-6).all()
    assert np.allclose(after[:, 2:].sum(1), 1, atol=1e-5)


def test_learned_weights_are_told_and_leave_the_network(run: Run) -> None:
    found = fit(learning(task_weights="uncertainty", epochs=5), run)
    weights = found.facts["task_weights"]
    assert isinstance(weights, dict)
    assert set(weights) == {"energy", "stable", "kind"}
    assert np.mean(list(map(float, map(str, weights.values())))) == pytest.approx(1, abs=1e-3)
    assert not [name for name, _ in found.predictor.named_parameters() if "doubt" in name]
    assert predict_array(found.predictor, rows()[0]).prediction.shape == (240, 5)


def test_a_head_of_intervals_is_refused_for_mixed_targets(run: Run) -> None:
    with pytest.raises(ScitrainError, match="mixed"):
        fit(learning(loss="gaussian"), run)
