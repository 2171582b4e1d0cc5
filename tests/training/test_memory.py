"""What a training does when memory runs out."""

import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.models.rnn import Rnn
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.team import Team

PLAIN = Mlp(widths=[16], norm="layer", dropout=0.0)


@pytest.fixture
def small_memory(monkeypatch):
    """Let training passes fail whose rows need more than they may; recomputing halves what a row needs."""
    passes = []

    def limit(most):
        forward = Team.forward

        def limited(team, rows):
            encoder = team.members[0].encoder
            if torch.is_grad_enabled():
                passes.append((rows.shape[1], encoder.gradient_checkpointing))
                if rows.shape[1] / (2 if encoder.gradient_checkpointing else 1) > most:
                    raise torch.OutOfMemoryError("fake: out of memory")
            return forward(team, rows)

        monkeypatch.setattr(Team, "forward", limited)
        return passes

    return limit


def decided(run):
    return {decision.what: decision for decision in run.record().decisions}


def test_activations_are_recomputed_before_batches_get_tiny_and_the_numbers_stay(learning, new_run, small_memory):
    expected = fit(learning(model=PLAIN, batch_size=32), new_run())
    small_memory(6)
    run = new_run()
    found = fit(learning(model=PLAIN, batch_size=32), run)
    assert (found.facts["batch_size"], found.facts["accumulate"], found.facts["gradient_checkpointing"]) == (8, 4, True)
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(
            [row[name] for row in found.history], [row[name] for row in expected.history], rtol=1e-4
        )
    assert decided(run)["gradient_checkpointing"].value is True
    assert decided(run)["accumulate"].value == 4


def test_one_row_at_a_time_is_the_last_step(learning, new_run, small_memory):
    small_memory(0.5)
    found = fit(learning(model=PLAIN, batch_size=16, epochs=1), new_run())
    assert (found.facts["batch_size"], found.facts["accumulate"], found.facts["gradient_checkpointing"]) == (
        1,
        16,
        True,
    )


def test_what_was_refused_or_cannot_be_is_not_recomputed(learning, new_run, small_memory):
    small_memory(3)
    found = fit(learning(model=PLAIN, batch_size=8, epochs=1, gradient_checkpointing=False), new_run())
    assert (found.facts["batch_size"], found.facts["gradient_checkpointing"]) == (2, False)
    x = np.random.default_rng(0).integers(1, 5, (24, 6))
    options = TrainingOptions(epochs=1, ensemble=1, device="cpu", batch_size=8)
    rows = np.arange(24)
    shape = InputShape("tokens", (6,), vocabulary=5)
    y = x[:, :1].astype(np.float32)
    work = Learning("regression", x, y, rows[:16], rows[16:], 1, Rnn(hidden=8, embedding=4), shape, options)
    found = fit(work, new_run())
    assert (found.facts["batch_size"], found.facts["gradient_checkpointing"]) == (2, False)


class Stop(BaseException):
    """What a kill looks like from inside."""


def test_a_resumed_training_does_not_run_out_of_memory_again(learning, new_run, small_memory):
    passes = small_memory(6)
    run = new_run()

    def stop(step):
        if step.stage == "train" and step.done == 2:
            raise Stop

    run.on_progress = stop
    with pytest.raises(Stop):
        fit(learning(model=PLAIN, batch_size=32), run)
    run.on_progress = None
    passes.clear()
    found = fit(learning(model=PLAIN, batch_size=32), run)
    assert (found.facts["batch_size"], found.facts["gradient_checkpointing"]) == (8, True)
    assert max(rows for rows, _ in passes) <= 8


def test_the_most_memory_of_each_epoch_and_of_all_is_told(learning, run):
    found = fit(learning(epochs=3), run)
    each = [row["memory_mb"] for row in found.history]
    assert all(value > 10 for value in each)
    assert found.facts["peak_memory_mb"] == max(each)
    assert "peak_gpu_memory_mb" not in found.facts
