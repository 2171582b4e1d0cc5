"""A sharded member is what a member is, to every digit but the last ones."""

import copy

import pytest
import torch
from torch import distributed as dist

from scitrain.contracts.model import InputShape
from scitrain.models import FAMILIES
from scitrain.models.mlp import Mlp
from scitrain.training.options import TrainingOptions
from scitrain.training.predictor import build_member
from scitrain.training.quiet import quiet
from scitrain.training.sharded import ShardedTeam
from scitrain.training.sharing import share_out
from scitrain.training.team import Team

SHAPES = {
    "vector": InputShape("vector", (5,)),
    "tokens": InputShape("tokens", (12,), vocabulary=9),
    "image": InputShape("image", (3, 32, 32)),
    "series": InputShape("series", (1, 32)),
}
OPTIONS = {
    "mlp": {"widths": [8, 8], "dropout": 0.0},
    "cnn": {"dropout": 0.0},
    "cnn1d": {"dropout": 0.0},
    "rnn": {"dropout": 0.0},
    "transformer": {"dropout": 0.0, "width": 16, "depth": 2, "heads": 2},
    "stack": {
        "layers": [
            {"kind": "conv1d", "width": 4, "kernel": 3},
            {"kind": "residual", "layers": [{"kind": "norm"}]},
            {"kind": "mean"},
        ]
    },
}


@pytest.fixture
def alone():
    """Be the only process of a group: what is sharded over it goes the whole way of sharding."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def rows_of(shape):
    if shape.kind == "tokens":
        return torch.arange(6 * 12).view(6, 12) % 8 + 1
    return torch.randn(6, *shape.shape)


def train(team, rows, steps=3):
    """Take a few steps as `TrainingModule` does."""
    optimizer = torch.optim.AdamW(team.groups, lr=0.01, weight_decay=0.0, fused=True)
    losses = []
    for _ in range(steps):
        team.train(True)
        team.clear()
        for part in rows.split(3):
            loss = team.forward(part[None]).square().mean() / 2
            team.gather(loss, add=True)
        losses.append(loss.item())
        team.clip(0.5)
        team.prepare(optimizer, 0.01, 1.0, 0)
        optimizer.step()
    return optimizer, losses


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("family", sorted(OPTIONS))
def test_a_sharded_member_learns_what_a_whole_one_learns(family):
    torch.manual_seed(1)
    model = FAMILIES[family].model_validate(OPTIONS[family])
    shape = SHAPES["series"] if family == "stack" else SHAPES[model.kinds()[0]]
    member, rows = build_member(model, shape, 2), rows_of(shape)
    whole, parts = Team([copy.deepcopy(member)], "cpu"), ShardedTeam(copy.deepcopy(member), "cpu")
    with quiet():  # torch warns of views, which no network here changes in place: the numbers show it
        (one, expected), (other, found) = train(whole, rows), train(parts, rows)
    assert found == pytest.approx(expected, rel=1e-4)
    for ours, theirs in zip(parts.snapshot().arrays, whole.snapshot().arrays, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-4)
    assert parts.optimizer_state(other)["state"][0]["exp_avg"].shape == one.state_dict()["state"][0]["exp_avg"].shape
    assert [list(state) for state in parts.states()] == [list(state) for state in whole.states()]


@pytest.mark.usefixtures("alone")
def test_a_checkpoint_of_whole_weights_goes_on_sharded_and_back():
    member, rows = build_member(Mlp(**OPTIONS["mlp"]), SHAPES["vector"], 2), torch.randn(6, 5)
    whole = Team([copy.deepcopy(member)], "cpu")
    optimizer, _ = train(whole, rows)
    parts = ShardedTeam(copy.deepcopy(member), "cpu")
    second = torch.optim.AdamW(parts.groups, lr=0.01, weight_decay=0.0)
    assert parts.optimizer_state(second)["state"] == {}
    parts.restore(whole.snapshot())
    parts.load_optimizer(second, whole.optimizer_state(optimizer))
    for ours, theirs in zip(parts.snapshot().arrays, whole.snapshot().arrays, strict=True):
        assert torch.equal(ours, theirs)
    there, back = whole.optimizer_state(optimizer)["state"][0], parts.optimizer_state(second)["state"][0]
    assert all(torch.equal(there[name], back[name]) for name in ("step", "exp_avg", "exp_avg_sq"))


def shared(learning, settings, **options):
    work = learning("regression", **options)
    return share_out(settings(work), work)


@pytest.fixture
def settings():
    from dataclasses import replace

    from scitrain.training.auto import choose

    def of(work, processes=2):
        return replace(choose(work.options, work.model, work.shape, 90)[0], processes=processes)

    return of


def test_weights_are_shared_out_where_they_do_not_fit(learning, settings, monkeypatch):
    chosen, decision = shared(learning, settings)
    assert chosen.parallel == decision.value == "ddp"
    assert "fit each of 2 processes" in decision.why
    monkeypatch.setattr("scitrain.training.sharing.available_memory", lambda: 4000)
    chosen, decision = shared(learning, settings)
    assert chosen.parallel == "fsdp"
    assert "more than 60% of what one process has" in decision.why


def test_a_strategy_that_was_asked_for_is_taken_where_there_are_processes_to_share(learning, settings):
    assert shared(learning, settings, parallel="fsdp")[0].parallel == "fsdp"
    work = learning("regression", parallel="fsdp")
    alone, decision = share_out(settings(work, 1), work)
    assert alone.parallel == "single"
    assert "needs devices of 2 or more" in decision.why
    assert TrainingOptions().parallel == "auto"
