"""Learning from a teacher: the loss by hand, its laws, and a training that has little else to go by."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.losses import make_loss
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.training.processes import read_learning, write_learning
from scitrain.training.soft import Soft, SoftLoss
from scitrain.workspace import Workspace

ONE, NONE = torch.ones(1), torch.zeros(1)


def soft_loss(task, y, said, alpha, temperature=2.0, class_weights="none"):
    """Return the loss and packed labels with one member, (1, n, …)."""
    outputs = said.shape[1] // (2 if task == "regression" else 1)
    hard = make_loss(task, TrainingOptions(class_weights=class_weights), y, outputs, "cpu")
    soft = Soft(said.astype(np.float32), temperature, alpha)
    return SoftLoss(hard, soft), soft.packed(task, torch.from_numpy(y), np.arange(len(y)), NONE, ONE)[None]


def kl(p, q):
    return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))


def softened(z, t):
    e = np.exp(np.array(z) / t)
    return e / e.sum()


def test_the_loss_of_classes_by_hand():
    z, teacher, t, alpha = [1.0, 0.0, -1.0], [2.0, 2.0, 0.0], 2.0, 0.3
    loss, y = soft_loss("multiclass", np.array([1]), np.array([teacher]), alpha, t)
    found = loss.mean(torch.tensor([[z]]), y)
    hard = -np.log(softened(z, 1.0)[1])
    assert found.item() == pytest.approx(
        0.7 * hard + alpha * t * t * kl(softened(teacher, t), softened(z, t)), rel=1e-5
    )


def test_the_loss_of_two_classes_by_hand():
    z, teacher, t = 0.5, -1.5, 4.0
    loss, y = soft_loss("binary", np.array([[1.0]], np.float32), np.array([[teacher]]), 0.5, t)
    p, q = (1 / (1 + np.exp(-v / t)) for v in (teacher, z))
    expected = 0.5 * np.log1p(np.exp(-z)) + 0.5 * t * t * kl([p, 1 - p], [q, 1 - q])
    assert loss.mean(torch.tensor([[[z]]]), y).item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_a_regression_by_hand():
    """The median variance is 1, so that the rows weigh 1, 1/3 and 1."""
    labels = np.array([[0.0], [np.nan], [1.0]], np.float32)
    said = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 1.0]])
    loss, y = soft_loss("regression", labels, said, 0.5)
    found = loss.mean(torch.zeros(1, 3, 1), y)
    assert found.item() == pytest.approx((0.5 * (0 + 1) + 0.5 * (1 + 4 / 3 + 9)) / 3)


def test_a_teacher_that_is_one_network_has_no_variance_and_each_row_weighs_the_same():
    loss, y = soft_loss("regression", np.zeros((2, 1), np.float32), np.array([[1.0, 0.0], [2.0, 0.0]]), 1.0)
    assert loss.mean(torch.zeros(1, 2, 1), y).item() == pytest.approx(2.5)


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_a_student_that_says_what_the_teacher_says_has_nothing_to_learn(task):
    rng = np.random.default_rng(0)
    said = rng.normal(size=(6, 4)).astype(np.float32)
    y = {"multiclass": np.full(6, -1), "binary": np.full((6, 4), np.nan, np.float32)}.get(
        task, np.full((6, 2), np.nan, np.float32)
    )
    said[:, 2:] = np.abs(said[:, 2:]) if task == "regression" else said[:, 2:]
    loss, packed = soft_loss(task, y, said, 0.7)
    outputs = torch.from_numpy(said[:, :2] if task == "regression" else said)[None].clone().requires_grad_(True)
    found = loss.mean(outputs, packed)
    assert found.item() == pytest.approx(0.0, abs=1e-6)
    [gradient] = torch.autograd.grad(found.sum(), [outputs])
    assert gradient.abs().max() < 1e-5


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_parts_of_a_batch_add_up_to_the_whole(class_weights):
    rng = np.random.default_rng(1)
    y = np.array([0, 1, -1, 2, 2, -1])
    loss, packed = soft_loss("multiclass", y, rng.normal(size=(6, 3)), 0.4, class_weights=class_weights)
    outputs = torch.from_numpy(rng.normal(size=(2, 6, 3)).astype(np.float32))
    both = packed.expand(2, -1, -1)
    parts = sum(loss.total(outputs[:, cut], both[:, cut]) for cut in (slice(0, 2), slice(2, 6)))
    assert torch.allclose(parts / loss.weight(both), loss.mean(outputs, both))


def test_validation_rows_are_judged_by_their_labels_alone():
    loss, _ = soft_loss("multiclass", np.array([0, 1]), np.zeros((2, 2)), 0.9)
    outputs, y = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([[0, 1, 1, 0, 1]])
    assert loss.mean(outputs, y).item() == pytest.approx(functional.cross_entropy(outputs[0], y[0]).item())
    numbers, _ = soft_loss("regression", np.zeros((2, 1), np.float32), np.zeros((2, 2)), 0.9)
    assert numbers.mean(torch.ones(1, 3, 1), torch.zeros(1, 3, 1)).item() == pytest.approx(1.0)


@pytest.fixture
def run(tmp_path):
    return Run.create("distill_model", {}, Workspace(tmp_path))


def learning(y, soft, train=None, epochs=3, batch=64):
    x = np.random.default_rng(0).normal(size=(160, 4)).astype(np.float32)
    return Learning(
        task="regression",
        x=x,
        y=y,
        train=np.arange(120) if train is None else train,
        val=np.arange(120, 160),
        n_outputs=1,
        model=Mlp(widths=[16], dropout=0.0),
        shape=InputShape("vector", (4,)),
        options=TrainingOptions(epochs=epochs, ensemble=1, learning_rate=1e-2, batch_size=batch),
        soft=soft,
    )


def truth():
    x = np.random.default_rng(0).normal(size=(160, 4))
    return (x[:, :1] - 2 * x[:, 1:2]).astype(np.float32)


def test_a_teacher_that_counts_nothing_changes_nothing(run):
    y = truth()
    said = np.concatenate([y + 5, np.ones_like(y)], axis=1)
    plain = fit(learning(y, None), run)
    run.release()
    other = Run.create("distill_model", {}, run.workspace)
    ignored = fit(learning(y, Soft(said, 1.0, 0.0)), other)
    assert [row["val_loss"] for row in plain.history] == pytest.approx(
        [r["val_loss"] for r in ignored.history], rel=1e-4
    )


def test_rows_without_labels_teach_what_the_teacher_knows(run):
    y = truth()
    said = np.concatenate([y, np.full_like(y, 0.1)], axis=1)
    few = y.copy()
    few[8:120] = np.nan
    taught = fit(learning(few, Soft(said, 1.0, 0.8), epochs=20, batch=8), run)
    other = Run.create("distill_model", {}, run.workspace)
    alone = fit(learning(few, None, train=np.arange(8), epochs=20, batch=8), other)
    x = learning(y, None).x[120:]
    errors = [
        float(np.sqrt(((predict_array(one.predictor, x).prediction - y[120:]) ** 2).mean())) for one in (taught, alone)
    ]
    assert errors[0] < errors[1] / 2


def test_a_checkpoint_of_another_teacher_is_not_taken_up():
    y, said = truth(), np.ones((160, 2), np.float32)
    keys = {
        learning(y, soft).key()
        for soft in (None, Soft(said, 1.0, 0.5), Soft(said * 2, 1.0, 0.5), Soft(said, 2.0, 0.5), Soft(said, 1.0, 0.6))
    }
    assert len(keys) == 5


def test_other_processes_hear_the_same_teacher(tmp_path):
    one = learning(truth(), Soft(np.random.default_rng(0).normal(size=(160, 2)).astype(np.float32), 3.0, 0.25))
    read = read_learning(write_learning(one, tmp_path / "job"))
    assert read.key() == one.key()
