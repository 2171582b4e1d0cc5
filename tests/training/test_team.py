import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.resources import choose_device
from scitrain.training import fit as fitting
from scitrain.training.journal import Journal
from scitrain.training.predictor import build_member
from scitrain.training.processes import Processes
from scitrain.training.team import Team

SHAPE = InputShape("vector", (5,))


def members(count, **options):
    torch.manual_seed(0)
    return [build_member(Mlp(widths=[8], **options), SHAPE, 2) for _ in range(count)]


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("patience", [100, 3])
def test_members_trained_together_are_what_each_is_when_trained_alone(learning, new_run, monkeypatch, norm, patience):
    model = Mlp(widths=[12, 12], norm=norm, dropout=0.0, residual=True)
    work = learning(model=model, ensemble=3, epochs=12, patience=patience, learning_rate=0.02)
    together = fitting.fit(work, new_run())
    monkeypatch.setattr("scitrain.models._mlp.MlpEncoder.vectorises", False)
    alone = fitting.fit(work, new_run())
    assert together.best_epochs == alone.best_epochs
    for ours, theirs in zip(together.predictor.members, alone.predictor.members, strict=True):
        for name, tensor in ours.state_dict().items():
            if tensor.is_floating_point():
                torch.testing.assert_close(tensor, theirs.state_dict()[name], rtol=2e-3, atol=2e-4)


def test_dropout_falls_apart_for_each_member():
    team = Team([copy.deepcopy(members(1, dropout=0.5)[0]) for _ in range(2)], "cpu")
    team.train(True)
    one = torch.randn(1, 6, 5)
    first, second = team.forward(one.expand(2, 6, 5))
    assert not torch.allclose(first, second)


def test_each_members_gradient_is_clipped_by_its_own_norm():
    team = Team(members(2, norm="none", dropout=0.0), "cpu")
    team.gather((team.forward(torch.randn(2, 6, 5)).flatten(1).sum(1) * torch.tensor([1e-4, 1e4])).sum())
    before = team.gradient.clone()
    team.clip(1.0)
    assert torch.equal(before[0], team.gradient[0])
    assert team.gradient[1].norm().item() == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("count", [1, 2])
def test_decay_spares_biases_and_norms(count):
    nets = members(count)
    team = Team(nets, "cpu")
    before = [copy.deepcopy(net.state_dict()) for net in nets]
    for part in team.parts:
        part.decayed.mul_(0.5)
    team.restore(team.snapshot())
    for net, state in zip(nets, before, strict=True):
        for name, tensor in net.named_parameters():
            torch.testing.assert_close(tensor.detach(), state[name] * (0.5 if tensor.ndim > 1 else 1.0))


@pytest.mark.parametrize("count", [1, 3])
def test_a_snapshot_brings_weights_and_statistics_back_into_the_members(count):
    nets = members(count)
    team = Team(nets, "cpu")
    saved, states = team.snapshot(), [copy.deepcopy(net.state_dict()) for net in nets]
    team.train(True)
    team.forward(torch.randn(count, 6, 5))
    with torch.no_grad():
        team.weights.add_(1.0)
    team.restore(saved)
    for net, state in zip(nets, states, strict=True):
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                assert torch.equal(tensor, state[name])


def test_a_team_computes_what_its_members_compute():
    nets = members(3)
    x = torch.randn(4, 5)
    expected = torch.stack([net.eval()(x)[0] for net in nets])
    team = Team(nets, "cpu")
    team.train(False)
    torch.testing.assert_close(team.forward(x.expand(3, 4, 5)), expected)


def test_a_member_alone_in_a_session_of_more_keeps_its_seed(learning, run):
    work = learning(ensemble=3, epochs=1)
    settings, _ = fitting.choose(work.options, work.model, work.shape, len(work.train))
    settings = replace(settings, device=choose_device("cpu")[0])
    outcome = fitting.train_members(work, settings, Journal(None, 0, "cpu"), run, Processes())
    assert np.unique([m.head.weight.sum().item() for m in outcome.predictor.members]).size == 3
