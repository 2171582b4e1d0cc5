import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from scitrain.cancellation import cancel_on_sigterm
from scitrain.contracts.model import InputShape
from scitrain.errors import CancelledError, MissingExtraError, ScitrainError
from scitrain.models.cnn import Cnn
from scitrain.models.mlp import Mlp
from scitrain.training.feeding import Feed
from scitrain.training.fit import fit
from scitrain.training.predict import predict_array
from scitrain.training.team import Team

NUMBERS = ("train_loss", "val_loss", "learning_rate")


def numbers(fitted):
    return [[row[name] for name in NUMBERS] for row in fitted.history]


def weights(fitted):
    return torch.cat([tensor.double().flatten() for tensor in fitted.predictor.state_dict().values()])


@pytest.mark.parametrize("task", ["regression", "binary", "multilabel", "multiclass"])
def test_every_task_is_learned(learning, run, task):
    work = learning(task, epochs=40, learning_rate=0.02, n=240)
    fitted = fit(work, run)
    assert fitted.history[-1]["val_loss"] < 0.6 * fitted.history[0]["val_loss"]
    assert predict_array(fitted.predictor, work.x).prediction.shape == (240, work.n_outputs)


def test_a_tiny_set_is_learned_by_heart_in_its_own_unit(learning, run):
    work = learning(n=20, epochs=300, learning_rate=0.03, patience=300, weight_decay=0)
    work = type(work)(**{**vars(work), "val": work.train})
    prediction = predict_array(fit(work, run).predictor, work.x[work.train]).prediction
    assert np.abs(prediction - work.y[work.train]).max() < 0.5


@pytest.mark.parametrize("ensemble", [1, 3])
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(learning, new_run, ensemble):
    first, second, other = (
        fit(learning(model=Mlp(widths=[16], dropout=0.3), ensemble=ensemble, seed=s, epochs=3), new_run())
        for s in (3, 3, 4)
    )
    assert numbers(first) == numbers(second) != numbers(other)
    assert torch.equal(weights(first), weights(second))


def test_the_callers_random_state_is_left_alone(learning, run):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit(learning(epochs=1), run)
    assert torch.rand(1) == expected


def test_the_log_tells_each_epoch_and_the_choices_are_recorded(learning, run):
    steps = []
    run.on_progress = steps.append
    given = learning(ensemble=2, epochs=4)
    fitted = fit(given, run)
    log = json.loads((run.path / "results/dl_training_log.json").read_text())
    assert [row["epoch"] for row in log["epochs"]] == [1, 2, 3, 4]
    assert {"train_loss", "val_loss", "val_rmse", "learning_rate", "seconds", "samples_per_s", "memory_mb"} <= set(
        log["epochs"][0]
    )
    assert log["members"] == 2
    assert log["steps"] == 4 * -(-len(given.train) // log["batch_size"])
    assert log["stopped"] == "all epochs done"
    assert log["parameters"] == 2 * (5 * 16 + 32 + 16 + 1)
    assert log["best_epoch"] == fitted.best_epoch
    assert steps[-1].message.startswith("epoch 4/4, validation loss ")
    decided = {decision.what for decision in run.record().decisions}
    assert {"device", "precision", "batch_size", "processes", "ensemble_training", "learning_rate"} <= decided
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "epoch" for event in events) == 4


def test_the_validation_error_is_in_the_unit_of_the_target(learning, run):
    work = learning(epochs=5)
    fitted = fit(work, run)
    prediction = predict_array(fitted.predictor, work.x[work.val]).prediction
    rmse = float(np.sqrt(np.mean((prediction - work.y[work.val]) ** 2)))
    assert rmse == pytest.approx(fitted.history[fitted.best_epoch - 1]["val_rmse"], rel=1e-4)


def test_training_stops_early_and_keeps_the_best_weights(learning, run):
    work = learning(epochs=200, patience=3, learning_rate=0.05, n=40)
    fitted = fit(work, run)
    assert fitted.stopped == "early stopping"
    losses = [row["val_loss"] for row in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses)) + 1
    assert len(losses) == fitted.best_epoch + 3


def test_missing_labels_take_no_part(learning, new_run):
    work = learning("multilabel", epochs=3)
    y = work.y.copy()
    y[::3, 0] = np.nan
    fitted = fit(type(work)(**{**vars(work), "y": y}), new_run())
    assert np.isfinite(numbers(fitted)).all()


@pytest.mark.parametrize("asked", ["balanced", [1.0, 2.0, 3.0]])
def test_class_weights_are_taken(learning, new_run, asked):
    plain, weighted = (fit(learning("multiclass", epochs=2, class_weights=w), new_run()) for w in ("none", asked))
    assert numbers(plain) != numbers(weighted)


def test_accumulated_gradients_make_the_same_step_as_one_batch(learning, new_run):
    model = Mlp(widths=[16], norm="layer", dropout=0.0)
    whole = fit(learning(model=model, batch_size=32, gradient_clip=100), new_run())
    parts = fit(learning(model=model, batch_size=16, accumulate=2, gradient_clip=100), new_run())
    np.testing.assert_allclose(numbers(whole), numbers(parts), rtol=1e-4)


def test_when_memory_runs_out_the_batch_is_halved_and_the_step_stays(learning, new_run, monkeypatch):
    model = Mlp(widths=[16], norm="layer", dropout=0.0)
    expected = fit(learning(model=model, batch_size=32), new_run())
    forward = Team.forward

    def small_memory(team, rows):
        if torch.is_grad_enabled() and rows.shape[1] > 10:
            raise torch.OutOfMemoryError("fake: out of memory")
        return forward(team, rows)

    monkeypatch.setattr(Team, "forward", small_memory)
    run = new_run()
    fitted = fit(learning(model=model, batch_size=32), run)
    assert (fitted.facts["batch_size"], fitted.facts["accumulate"]) == (8, 4)
    np.testing.assert_allclose(numbers(fitted), numbers(expected), rtol=1e-4)
    reasons = {decision.what: decision.why for decision in run.record().decisions}
    assert "memory ran out at 16" in reasons["batch_size"]


def test_no_memory_for_one_row_is_an_error_that_says_what_to_do(learning, run, monkeypatch):
    def no_memory(team, rows):
        raise torch.OutOfMemoryError("fake: out of memory")

    monkeypatch.setattr(Team, "forward", no_memory)
    with pytest.raises(ScitrainError, match=r"does not suffice for one row.*smaller network"):
        fit(learning(batch_size=4), run)
    with pytest.raises(ScitrainError, match=r"does not suffice for one row.*gradient_checkpointing=true"):
        fit(learning(batch_size=4, gradient_checkpointing=False), run)


def test_a_diverging_loss_says_what_to_lower(learning, run, monkeypatch):
    forward = Team.forward
    monkeypatch.setattr(Team, "forward", lambda team, rows: forward(team, rows) * float("inf"))
    with pytest.raises(ScitrainError, match=r"training diverged; lower learning_rate, for example to 0.0003"):
        fit(learning(), run)


class Stop(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize(
    ("model", "ensemble"), [(Mlp(widths=[16], dropout=0.3), 1), (Mlp(widths=[16], dropout=0.3), 2)]
)
@pytest.mark.parametrize("at", [1, 4])
def test_a_resumed_training_ends_with_exactly_the_same_numbers(learning, new_run, model, ensemble, at):
    work = learning(model=model, ensemble=ensemble)
    expected = fit(work, new_run())
    run = new_run()

    def stop(step):
        if step.stage == "train" and step.done == at:
            raise Stop

    run.on_progress = stop
    with pytest.raises(Stop):
        fit(work, run)
    run.on_progress = None
    fitted = fit(work, run)
    assert numbers(fitted) == numbers(expected)
    assert torch.equal(weights(fitted), weights(expected))
    assert fitted.best_epochs == expected.best_epochs


def test_members_trained_in_turn_resume_with_exactly_the_same_numbers(new_run, learning):
    base = learning(ensemble=2, epochs=2)
    x = np.random.default_rng(0).random((120, 1, 6, 6), np.float32)
    work = type(base)(**{**vars(base), "x": x, "shape": InputShape("image", (1, 6, 6)), "model": Cnn(widths=[4, 4])})
    expected = fit(work, new_run())
    run = new_run()

    def stop(step):
        if step.stage == "train" and step.done == 4:
            raise Stop

    run.on_progress = stop
    with pytest.raises(Stop):
        fit(work, run)
    run.on_progress = None
    fitted = fit(work, run)
    assert numbers(fitted) == numbers(expected)
    assert torch.equal(weights(fitted), weights(expected))
    assert len(list((run.path / "checkpoints").glob("group=01-*.pt"))) == 2


def test_a_checkpoint_of_another_training_is_not_taken_up(learning, run):
    fit(learning(epochs=2), run)
    fitted = fit(learning(epochs=3), run)
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3]


def test_a_signal_cancels_the_training(learning, run):
    run.on_progress = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step.done == 2 else None
    with cancel_on_sigterm(), pytest.raises(CancelledError):
        fit(learning(epochs=1000, patience=1000), run)
    assert (run.path / "checkpoints/last.pt").is_file()


def test_the_same_rows_divided_otherwise_are_another_training(learning):
    asked = learning()
    every = np.concatenate([asked.train, asked.val])
    assert replace(asked, train=every, val=every[:0]).key() != asked.key()


def test_time_is_bounded_and_the_best_weights_so_far_are_kept(learning, run, monkeypatch):
    now = iter(np.arange(0, 1e6, 1.0))
    monkeypatch.setattr("scitrain.training.module.time.monotonic", lambda: float(next(now)))
    fitted = fit(learning(epochs=10_000, patience=10_000, max_minutes=2), run)
    assert fitted.stopped == "max_minutes"
    assert 0 < len(fitted.history) < 100


def test_only_the_best_epochs_are_kept_as_checkpoints(learning, run):
    fitted = fit(learning(epochs=8, top_k=2), run)
    kept = sorted(path.name for path in (run.path / "checkpoints").glob("group=*"))
    best = np.argsort([row["val_loss"] for row in fitted.history])[:2] + 1
    assert kept == sorted(name for name in kept if int(name.split("epoch=")[1][:5]) in best)
    assert len(kept) == 2


def test_nothing_is_written_outside_the_run_and_nothing_is_printed(learning, run, capfd, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    fit(learning(epochs=2), run)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_rows_too_many_for_memory_are_read_in_blocks_with_the_same_result(learning, new_run, monkeypatch, tmp_path):
    work = learning(epochs=3)
    expected = fit(work, new_run())
    np.save(tmp_path / "x.npy", work.x)
    monkeypatch.setattr("scitrain.training.feeding.RESIDENT_SHARE", 0.0)
    monkeypatch.setattr("scitrain.training.feeding.BLOCK_BYTES", 1500)
    streamed = type(work)(**{**vars(work), "x": np.load(tmp_path / "x.npy", mmap_mode="r")})
    assert numbers(fit(streamed, new_run())) == numbers(expected)


def test_an_order_depends_on_seed_member_and_epoch_alone(learning):
    work = learning()
    feed = Feed(work.x, work.y, work.train, work.val, torch.nn.Identity(), "cpu")
    feed.schedule([0, 1, 2], 7, 3)
    feed.start_epoch(4)
    together = feed.order()
    feed.schedule([1], 7, 3)
    assert torch.equal(feed.order()[0], together[1])
    assert not torch.equal(together[0], together[1])
    assert sorted(together[2].tolist()) == list(range(len(work.train)))


def test_curves_go_to_tensorboard(learning, run):
    fit(learning(epochs=2, loggers=["tensorboard"]), run)
    assert list((run.path / "logs").rglob("events.out.tfevents.*"))


def test_a_logger_that_is_not_installed_names_the_extra(learning, run, monkeypatch):
    monkeypatch.setattr("scitrain.training.loggers.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"scitrain\[mlflow\]"):
        fit(learning(loggers=["mlflow"]), run)


def test_labels_with_a_spike_are_learned_with_the_huber_loss_and_the_choice_is_written_down(learning, run):
    work = learning(epochs=1)
    y = work.y.copy()
    y[: len(y) // 2] = 0
    fit(replace(work, y=y), run)
    assert {d.what: d.value for d in run.record().decisions}["loss"] == "huber"
