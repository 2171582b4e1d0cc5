import numpy as np
import pytest
import torch
from torch import nn

from scitrain.contracts.model import InputShape
from scitrain.models.cnn import Cnn
from scitrain.training.feeding import Feed
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predictor import Member, build_member
from scitrain.training.start import Pace, Start
from scitrain.training.team import Team


class Paced(Start):
    """Trains the head slowly, and the rest from the second epoch on; leaves the first convolution alone."""

    def member(self, model, inner, n_outputs, number):
        member = build_member(model, inner, n_outputs)
        for weight in member.encoder.stages[0].parameters():
            weight.requires_grad_(False)
        return member

    def paces(self, member: Member):
        return {f"encoder.{name}": Pace(0.5, 1) for name, _ in member.encoder.named_parameters()}


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    x = rng.random((40, 1, 8, 8)).astype(np.float32)
    y = (x.mean((1, 2, 3)) > 0.5).astype(np.float32)[:, None]
    options = TrainingOptions(
        epochs=2, batch_size=8, learning_rate=1e-2, device="cpu", checkpoint_seconds=0, patience=9
    )
    shape = InputShape("image", (1, 8, 8))
    return Learning("binary", x, y, np.arange(30), np.arange(30, 40), 1, Cnn(widths=[4, 4]), shape, options)


def test_weights_learn_at_their_own_rate_from_their_own_epoch_on(pictures, run):
    begun = {}

    class Watched(Paced):
        def member(self, *args):
            member = super().member(*args)
            begun.update({name: value.clone() for name, value in member.state_dict().items()})
            return member

    learning = Learning(**{**pictures.__dict__, "start": Watched()})
    short = Learning(
        **{**learning.__dict__, "options": learning.options.model_copy(update={"epochs": 1, "checkpoint_seconds": 1e9})}
    )
    first = fit(short, run).predictor.members[0].state_dict()
    trained = {name for name in begun if "stages.1" in name and "num" not in name and "running" not in name}
    assert all(torch.equal(first[name], begun[name]) for name in trained), "their epoch has not come"
    assert not torch.equal(first["head.weight"], begun["head.weight"])
    both = fit(learning, run).predictor.members[0].state_dict()
    frozen = {name for name in begun if "stages.0" in name and "num_batches" not in name}
    assert all(torch.equal(both[name], begun[name]) for name in frozen), "its batch-norm keeps its statistics too"


def test_the_parts_of_a_team_hold_each_weight_once_at_its_pace():
    networks = [build_member(Cnn(widths=[4, 4]), InputShape("image", (1, 8, 8)), 2)]
    team = Team(networks, "cpu", {"head.weight": Pace(3.0), "head.bias": Pace(3.0)})
    assert {part.pace.scale for part in team.parts} == {1.0, 3.0}
    assert sum(part.weights.numel() for part in team.parts) == sum(p.numel() for p in networks[0].parameters())
    [head] = [part for part in team.parts if part.pace.scale == 3.0]
    torch.testing.assert_close(head.decayed.flatten(), networks[0].head.weight.flatten())
    head.weights.fill_(7.0)
    assert (networks[0].head.bias == 7.0).all(), "a part is a view of what is computed with"


def test_batches_hold_rows_of_like_lengths_each_once_and_the_same_for_the_same_seed():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 50, 400)
    x = (np.arange(50)[None] < lengths[:, None]).astype(np.int64)
    feed = Feed(x, np.zeros((400, 1), np.float32), np.arange(400), np.arange(4), nn.Identity(), "cpu")
    feed.schedule([0], 1, 25)

    def epoch():
        feed.start_epoch(3)
        [block] = list(feed)
        return block.steps

    plain = epoch()
    feed.sort_by_length()
    alike = epoch()
    assert [step.tolist() for step in alike] == [step.tolist() for step in epoch()]
    assert sorted(torch.cat(alike, dim=1)[0].tolist()) == list(range(400))

    def computed(steps):
        return sum(int(lengths[step[0]].max()) * step.shape[1] for step in steps)

    assert computed(alike) < 1.2 * lengths.sum() < computed(plain)
    assert [lengths[s[0]].mean() for s in alike] != sorted(lengths[s[0]].mean() for s in alike), "in no order"
