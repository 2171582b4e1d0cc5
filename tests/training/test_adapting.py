"""Bringing two domains together: distances and gradients by hand, and a training that reads no label of the other domain."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import vmap

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.adapting import Adaptation, AdaptationLoss, AdaptingMember
from scitrain.training.discrepancy import coral, mmd, ramp, reverse_gradient
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.losses import make_loss
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Member, build_member
from scitrain.training.processes import read_learning, write_learning
from scitrain.workspace import Workspace

METHODS = ("dann", "coral", "mmd")


def test_a_reversed_gradient_leaves_features_alone_and_turns_what_comes_back():
    features = torch.tensor([[1.0, -2.0]], requires_grad=True)
    strength = torch.tensor(0.3)
    out = reverse_gradient(features, strength)
    assert torch.equal(out, features)
    [gradient] = torch.autograd.grad((out * torch.tensor([[5.0, 7.0]])).sum(), [features])
    assert gradient.tolist() == [[pytest.approx(-1.5), pytest.approx(-2.1)]]


def test_a_reversed_gradient_is_the_same_for_members_that_are_computed_together():
    features = torch.arange(6.0).reshape(3, 2).requires_grad_()
    out = vmap(lambda row: reverse_gradient(row, torch.tensor(2.0)))(features)
    [gradient] = torch.autograd.grad(out.sum(), [features])
    assert torch.equal(gradient, torch.full((3, 2), -2.0))


def test_the_ramp_by_hand():
    assert ramp(0.0) == 0.0
    assert ramp(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert ramp(1.0) == pytest.approx(2 / (1 + math.exp(-10)) - 1)


def test_coral_by_hand():
    """Covariances [[1, 0], [0, 0]] · 2 and [[0, 0], [0, 2]]: ‖·‖² = 4 + 4, over 4 · 2²."""
    source = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]])
    target = torch.tensor([[[5.0, 1.0], [5.0, -1.0]]])
    assert coral(source, target).tolist() == [pytest.approx(8 / 16)]
    assert coral(source, source + 3).tolist() == [pytest.approx(0.0)], "only the spread is compared"


def test_mmd_by_hand():
    """One row each, 2 apart: the four squared distances are 0, 4, 4, 0, their mean 2; k(s, s) = k(t, t) = 1."""
    source, target = torch.tensor([[[0.0]]]), torch.tensor([[[2.0]]])
    apart = np.mean([math.exp(-4 / (width * 2)) for width in (0.25, 0.5, 1, 2, 4)])
    assert mmd(source, target).tolist() == [pytest.approx(2 - 2 * apart, rel=1e-5)]


def test_two_domains_that_are_one_lie_at_no_distance_and_others_at_a_positive_one():
    rows = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(0))
    for distance in (coral, mmd):
        assert distance(rows, rows.flip(1)).abs().max() < 1e-5
        assert distance(rows, 2 * rows).min() > 0


def adapting(method, outputs=1, members=2):
    torch.manual_seed(0)
    model, shape = Mlp(widths=[5], dropout=0.0), InputShape("vector", (4,))
    return [AdaptingMember(build_member(model, shape, outputs), method) for _ in range(members)]


def loss_of(method, y, members, weight=2.0):
    hard = make_loss("regression", TrainingOptions(), y, 1, "cpu")
    found = AdaptationLoss(hard, Adaptation(np.arange(3), method, weight), members)
    found.at(0.5)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_is_that_of_the_labels_and_of_the_domains(method):
    members = adapting(method)
    y = torch.zeros(2, 4, 1)
    loss = loss_of(method, y[0].numpy(), members)
    told = 1 if method == "dann" else 5
    outputs = torch.randn(2, 7, 1 + told, generator=torch.Generator().manual_seed(1))
    source, target = outputs[:, :4, 1:], outputs[:, 4:, 1:]
    if method == "dann":
        right = torch.nn.functional.binary_cross_entropy_with_logits
        apart = torch.stack(
            [(right(source[k], torch.zeros(4, 1)) + right(target[k], torch.ones(3, 1))) / 2 for k in range(2)]
        )
    else:
        apart = 2.0 * ramp(0.5) * {"coral": coral, "mmd": mmd}[method](source, target)
    expected = outputs[:, :4, :1].square().mean((1, 2)) + apart
    assert torch.allclose(loss.mean(outputs, y), expected, atol=1e-6)
    assert torch.allclose(loss.total(outputs, y) / loss.weight(y), expected, atol=1e-6)
    assert members[0].strength.item() == pytest.approx(2.0 * ramp(0.5))


def test_validation_rows_are_judged_by_their_labels_alone():
    loss = loss_of("coral", np.zeros((2, 1), np.float32), adapting("coral"))
    assert loss.mean(torch.ones(2, 3, 1), torch.zeros(2, 3, 1)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_member_tells_of_the_domains_only_while_it_is_trained(method):
    member = adapting(method)[0]
    rows = torch.randn(3, 4, generator=torch.Generator().manual_seed(2))
    assert member.train()(rows)[0].shape == (3, 2 if method == "dann" else 6)
    member.eval()
    plain = member.plain().eval()
    assert type(plain) is Member
    assert torch.equal(member(rows)[0], plain(rows)[0])


N, TRAIN, VAL = 240, np.arange(100), np.arange(100, 130)
TARGET, TEST = np.arange(130, 200), np.arange(200, N)


def learning(method, weight=1.0, members=1, epochs=4, hidden=None):
    """Return rows of which the last 110 are of another domain: what their labels do not depend on lies elsewhere."""
    x = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    y = (x[:, :1] - x[:, 1:2]).astype(np.float32)
    x[TARGET[0] :, 2:] += 3
    if hidden is not None:
        y[TARGET] = hidden
    return Learning(
        task="regression",
        x=x,
        y=y,
        train=TRAIN,
        val=VAL,
        n_outputs=1,
        model=Mlp(widths=[16], dropout=0.0, norm="none"),
        shape=InputShape("vector", (4,)),
        options=TrainingOptions(
            epochs=epochs, ensemble=members, learning_rate=1e-2, batch_size=25, patience=epochs, checkpoint_seconds=0
        ),
        adaptation=None if method is None else Adaptation(TARGET, method, weight),
    )


@pytest.fixture
def fitted(tmp_path):
    """Return what trains in a run of its own."""

    def train(one, on_epoch=None, run=None):
        return fit(one, run or Run.create("adapt_domain", {}, Workspace(tmp_path)), on_epoch)

    return train


@pytest.mark.parametrize("method", METHODS)
def test_no_label_of_the_other_domain_is_read(fitted, method):
    said = [
        predict_array(fitted(learning(method, hidden=hidden)).predictor, learning(None).x) for hidden in (0, np.nan)
    ]
    assert np.array_equal(said[0].prediction, said[1].prediction)


def test_adapting_brings_the_features_of_both_domains_together_and_errs_less(fitted):
    apart, errors = [], []
    for method in (None, "mmd"):
        one = learning(method, weight=3.0, members=2, epochs=40)
        said = predict_array(fitted(one).predictor, one.x)
        means = [said.representation[rows].mean(0) for rows in (TRAIN, TARGET)]
        apart.append(np.linalg.norm(means[0] - means[1]) / said.representation[TRAIN].std(0).mean())
        errors.append(np.sqrt(np.square(said.prediction - one.y)[TEST].mean()))
    assert apart[1] < apart[0] / 2
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("members", [1, 2])
def test_a_training_that_was_interrupted_goes_on_as_it_would_have_gone_on(fitted, tmp_path, members):
    one = learning("dann", members=members)

    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    broken = Run.create("adapt_domain", {}, Workspace(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        fitted(one, stop, broken)
    again, whole = fitted(one, run=broken), fitted(one)
    assert [row["train_loss"] for row in again.history] == [row["train_loss"] for row in whole.history]
    said = [predict_array(found.predictor, one.x).prediction for found in (again, whole)]
    assert np.array_equal(said[0], said[1])
    assert all(type(member) is Member for member in again.predictor.members)


def test_parts_of_a_batch_and_rows_that_do_not_fit_into_memory_train_too(fitted, monkeypatch):
    monkeypatch.setattr("scitrain.training.feeding.RESIDENT_SHARE", 0.0)
    one = learning("coral", epochs=2)
    parts = replace(one, options=one.options.model_copy(update={"accumulate": 2}))
    assert all(math.isfinite(row["train_loss"]) for row in fitted(parts).history)


def test_a_checkpoint_of_another_adaptation_is_not_taken_up_and_other_processes_hear_of_it(tmp_path):
    ones = [learning(None), learning("dann"), learning("coral"), learning("dann", weight=2.0)]
    assert len({one.key() for one in ones}) == 4
    read = read_learning(write_learning(ones[3], tmp_path / "job"))
    assert read.key() == ones[3].key()


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("members", [1, 2])
def test_with_hardly_any_weight_the_training_is_that_of_the_source_alone(fitted, norm, members):
    plain = learning(None, members=members, epochs=3)
    plain = replace(plain, model=Mlp(widths=[8], dropout=0.0, norm=norm))
    adapting = replace(plain, adaptation=Adaptation(TARGET, "coral", 1e-9))
    said = [predict_array(fitted(one).predictor, plain.x).prediction for one in (plain, adapting)]
    assert np.allclose(said[0], said[1], atol=1e-4)
