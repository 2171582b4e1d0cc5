"""The loop of networks without labels."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from scitrain.errors import CancelledError, ScitrainError
from scitrain.runs import Run
from scitrain.training.loop import Pacing, learn
from scitrain.training.precision import Scaler
from scitrain.workspace import Workspace


@dataclass
class Line:
    """Learns y = 2x − 1 from 64 points."""

    network: nn.Module
    stop_in: int = -1

    def steps(self):
        return 8

    def batches(self, epoch, first):
        x = np.random.default_rng(epoch).normal(size=(8, 8)).astype(np.float32)
        for rows in x[first:]:
            yield {"x": torch.from_numpy(rows)[:, None]}

    def loss(self, batch):
        noise = 0.01 * torch.randn(len(batch["x"]), 1)
        return ((self.network(batch["x"]) - (2 * batch["x"] - 1) + noise) ** 2).mean()

    def size(self, batch):
        return len(batch["x"])

    def validate(self):
        x = torch.linspace(-1, 1, 9)[:, None]
        return ((self.network(x) - (2 * x - 1)) ** 2).mean().item()

    def probe(self, epoch):
        if epoch == self.stop_in:
            raise CancelledError("asked to stop")
        return {"seen": float(epoch)}


def line():
    torch.manual_seed(3)
    return Line(nn.Linear(1, 1))


PACE = Pacing(epochs=30, learning_rate=0.1, weight_decay=0.0, patience=30, checkpoint_seconds=0)


@pytest.fixture
def run(tmp_path):
    return Run.create("train_generator", {}, Workspace(tmp_path))


def test_a_line_is_learned_and_told_epoch_by_epoch(run):
    lesson = line()
    learned = learn(lesson, PACE, run, "key")
    assert learned.best_loss < 1e-3
    assert lesson.network.weight.item() == pytest.approx(2, abs=0.05)
    assert (len(learned.history), learned.stopped) == (30, "all epochs done")
    log = run.read_json("results/dl_training_log.json")
    assert log["epochs"][4]["seen"] == 5
    assert log["epochs"][0]["learning_rate"] > log["epochs"][-1]["learning_rate"]


def unbroken_and_interrupted(pace, folder):
    """Return what a training learns in one go, and what the same learns that is stopped half-way and goes on."""
    whole, broken = (Run.create("train_generator", {}, Workspace(folder / name)) for name in "ab")
    expected = learn(line(), pace, whole, "key")
    halfway = line()
    halfway.stop_in = 12
    with pytest.raises(CancelledError):
        learn(halfway, pace, broken, "key")
    return expected, learn(line(), pace, broken, "key")


def test_an_interrupted_training_ends_with_the_numbers_of_an_unbroken_one(tmp_path):
    expected, again = unbroken_and_interrupted(PACE, tmp_path)
    told = [[row[name] for row in one.history] for one in (expected, again) for name in ("train_loss", "val_loss")]
    assert told[0] == told[2]
    assert told[1] == told[3]


def test_a_checkpoint_of_another_training_is_not_taken_up(run):
    learn(line(), replace(PACE, epochs=2), run, "one")
    assert len(learn(line(), replace(PACE, epochs=3), run, "other").history) == 3


def test_a_loss_that_explodes_is_refused_with_what_to_do(run):
    with pytest.raises(ScitrainError, match="lower it"):
        learn(line(), replace(PACE, learning_rate=1e38, warmup=0.0), run, "key")


def test_it_stops_when_the_held_out_loss_gets_no_better(run):
    learned = learn(line(), replace(PACE, learning_rate=1e-12, patience=3), run, "key")
    assert learned.stopped in ("early stopping", "all epochs done")
    assert len(learned.history) <= 30


def test_the_mean_of_the_weights_is_what_is_kept(run):
    lesson = line()
    learned = learn(lesson, replace(PACE, average=0.9), run, "key")
    assert lesson.validate() == pytest.approx(learned.best_loss, rel=1e-5)


def test_float16_learns_what_float32_learns_and_a_step_that_overflows_is_left_out(run, monkeypatch):
    monkeypatch.setattr(Scaler, "FIRST", 2.0**20)  # float16 ends at 65504: the first steps overflow
    lesson = line()
    learned = learn(lesson, replace(PACE, precision="fp16"), run, "key")
    assert learned.best_loss < 1e-3
    assert lesson.network.weight.item() == pytest.approx(2, abs=0.05)


def test_a_loss_too_small_for_float16_is_learned_from_for_it_is_scaled(run, monkeypatch):
    class Faint(Line):
        def loss(self, batch):
            return super().loss(batch) * 1e-8

    moved = []
    for first in (2.0**16, 1.0):
        monkeypatch.setattr(Scaler, "FIRST", first)
        lesson = Faint(line().network)
        before = lesson.network.weight.item()
        learn(lesson, replace(PACE, epochs=1, precision="fp16"), run, f"key {first}")
        moved.append(abs(lesson.network.weight.item() - before))
    assert moved[0] > 0.05
    assert moved[1] == 0


def test_an_interrupted_float16_training_goes_on_with_its_scale(tmp_path, monkeypatch):
    monkeypatch.setattr(Scaler, "FIRST", 2.0**20)
    monkeypatch.setattr(Scaler, "GOOD_STEPS", 50)
    expected, again = unbroken_and_interrupted(replace(PACE, precision="fp16"), tmp_path)
    assert [row["val_loss"] for row in again.history] == [row["val_loss"] for row in expected.history]


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_gpu_learns_the_line_in_half_precision(run, precision):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    lesson = line()
    lesson.loss = lambda batch: ((lesson.network(batch["x"]) - (2 * batch["x"] - 1)) ** 2).mean()
    lesson.validate = lambda: float((lesson.network.weight - 2).abs())
    learn(lesson, replace(PACE, device="cuda", precision=precision), run, "key")
    assert lesson.network.weight.item() == pytest.approx(2, abs=0.1)
