"""The arithmetic of the forward pass: chosen by device, refused where it is of no use, and float16 kept alive by scaling."""

import re

import pytest
import torch

from scitrain.errors import ScitrainError
from scitrain.models.mlp import Mlp
from scitrain.training.fit import fit
from scitrain.training.precision import (
    Hardware,
    Scaler,
    arithmetic,
    autocast,
    choose_averaged,
    choose_precision,
    describe,
)

CPU, MPS = Hardware("cpu", "the CPU"), Hardware("mps", "the Apple GPU")
PASCAL, TURING, AMPERE, HOPPER = (
    Hardware("cuda", name, capability)
    for name, capability in (("P100", (6, 0)), ("T4", (7, 5)), ("A100", (8, 0)), ("H100", (9, 0)))
)
AMD = Hardware("cuda", "MI300", None, bf16=True)


@pytest.mark.parametrize(
    ("hardware", "expected", "reason"),
    [
        (CPU, "32", "cost accuracy"),
        (MPS, "32", "Apple GPU"),
        (PASCAL, "32", r"P100 \(compute capability 6.0\) has no tensor cores"),
        (TURING, "fp16", "7.5.*the loss is scaled"),
        (AMPERE, "bf16", "8.0.*float32 is multiplied in TF32"),
        (HOPPER, "bf16", "9.0"),
        (AMD, "bf16", "nothing needs scaling$"),
    ],
    ids=lambda value: value.name if isinstance(value, Hardware) else None,
)
def test_a_precision_is_chosen_by_what_the_device_multiplies_natively(hardware, expected, reason):
    chosen, why = choose_precision(hardware)
    assert chosen == expected
    assert re.search(reason, why)


@pytest.mark.parametrize(
    ("hardware", "tiles", "expected", "reason"),
    [
        (CPU, False, "32", "cost accuracy"),
        (CPU, True, "bf16", "in tiles"),
        (TURING, False, "fp16", "the loss is scaled"),
        (AMPERE, True, "bf16", "natively"),
        (PASCAL, False, "32", "no tensor cores"),
    ],
)
def test_language_models_and_pretraining_bear_bfloat16_on_cpus_too(monkeypatch, hardware, tiles, expected, reason):
    monkeypatch.setattr("scitrain.training.precision.describe", lambda device: hardware)
    monkeypatch.setattr("scitrain.training.precision._tiles", lambda: tiles)
    chosen, why = choose_averaged(hardware.kind)
    assert chosen == expected
    assert reason in why


@pytest.mark.parametrize(
    ("hardware", "asked", "said"),
    [
        (CPU, "fp16", r"precision='fp16' was asked for, but CPUs compute float16 slower.*take precision='32'"),
        (CPU, "tf32", r"from compute capability 8.0 on, and this is the CPU"),
        (TURING, "tf32", r"this is T4 \(compute capability 7.5\); take precision='fp16'"),
        (AMD, "tf32", r"take precision='bf16'"),
    ],
)
def test_an_arithmetic_that_the_device_has_no_use_for_is_refused_with_what_to_take(hardware, asked, said):
    with pytest.raises(ScitrainError, match=said):
        choose_precision(hardware, asked)


@pytest.mark.parametrize(
    ("hardware", "asked"), [(CPU, "bf16"), (HOPPER, "tf32"), (HOPPER, "fp16"), (PASCAL, "fp16"), (MPS, "fp16")]
)
def test_what_was_asked_for_is_taken(hardware, asked):
    assert choose_precision(hardware, asked) == (asked, "asked for")


def test_an_imitated_bfloat16_is_taken_with_a_word():
    assert choose_precision(TURING, "bf16") == (
        "bf16",
        "asked for; T4 (compute capability 7.5) only imitates bfloat16: fp16 is faster",
    )


def test_a_gpu_is_looked_at(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "A100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (8, 0))
    assert describe("cuda") == Hardware("cuda", "A100", (8, 0))
    assert describe("cpu") == CPU


@pytest.mark.parametrize(
    ("precision", "expected"), [("32", "ieee"), ("fp16", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")]
)
def test_float32_is_multiplied_in_tf32_only_where_that_was_chosen(precision, expected):
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    before = [place.fp32_precision for place in places]
    with arithmetic(precision, "cuda"):
        assert [place.fp32_precision for place in places] == [expected, expected]
    assert [place.fp32_precision for place in places] == before


@pytest.mark.parametrize(("precision", "dtype"), [("32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_forward_pass_has_the_chosen_precision(precision, dtype):
    with autocast(precision, "cpu"):
        assert torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == dtype


def scaled_in_place(gradient, factor):
    return bool(gradient.mul_(factor).isfinite().all())


def test_gradients_too_small_for_float16_survive_scaling():
    scaler = Scaler("fp16")
    small = torch.tensor([1e-9])
    assert small.half().item() == 0
    gradient = scaler.scaled(small).half().float()
    assert scaler.unscaled(lambda factor: scaled_in_place(gradient, factor))
    assert gradient.item() == pytest.approx(1e-9, rel=1e-2)


def test_an_overflow_costs_its_step_and_halves_the_scale_and_good_steps_double_it(monkeypatch):
    monkeypatch.setattr(Scaler, "GOOD_STEPS", 3)
    scaler = Scaler("fp16")
    assert not scaler.unscaled(lambda factor: scaled_in_place(torch.tensor([1.0, float("inf")]), factor))
    assert (scaler.scale, scaler.left_out) == (Scaler.FIRST / 2, 1)
    assert all(scaler.unscaled(lambda factor: True) for _ in range(3))
    assert scaler.scale == Scaler.FIRST
    other = Scaler("fp16")
    other.load(scaler.state())
    assert other.state() == scaler.state()


def test_other_precisions_are_not_scaled():
    scaler, gradient = Scaler("bf16"), torch.ones(2)
    assert scaler.unscaled(lambda factor: scaled_in_place(gradient, factor))
    assert gradient.tolist() == [1, 1]
    assert scaler.scaled(gradient) is gradient


def on_a_fake_gpu(monkeypatch):
    """Choose as on a GPU that has float16, and compute on the CPU."""
    monkeypatch.setattr("scitrain.training.auto.describe", lambda device: TURING)


@pytest.mark.parametrize("ensemble", [1, 2])
def test_float16_learns_what_float32_learns_and_a_step_that_overflows_changes_nothing(
    learning, new_run, monkeypatch, ensemble
):
    model = Mlp(widths=[16], norm="none", dropout=0.0)  # torch has no batch-norm of float16 on a CPU
    asked = {"epochs": 30, "learning_rate": 0.02, "ensemble": ensemble, "model": model}
    expected = fit(learning(**asked), new_run())
    on_a_fake_gpu(monkeypatch)
    monkeypatch.setattr(Scaler, "FIRST", 2.0**20)  # float16 ends at 65504: the first steps overflow
    run = new_run()
    found = fit(learning(precision="auto", **asked), run)
    assert found.facts["precision"] == "fp16"
    assert {d.what: d.why for d in run.record().decisions}["precision"].endswith("the loss is scaled")
    assert min(r["val_loss"] for r in found.history) < 1.5 * min(r["val_loss"] for r in expected.history)


class Stop(BaseException):
    """What a kill looks like from inside."""


def test_a_resumed_float16_training_ends_with_the_same_numbers(learning, new_run, monkeypatch):
    on_a_fake_gpu(monkeypatch)
    monkeypatch.setattr(Scaler, "GOOD_STEPS", 4)
    work = learning(epochs=4, model=Mlp(widths=[16], norm="none", dropout=0.1))
    expected = fit(work, new_run())
    run = new_run()

    def stop(step):
        if step.stage == "train" and step.done == 2:
            raise Stop

    run.on_progress = stop
    with pytest.raises(Stop):
        fit(work, run)
    run.on_progress = None
    found = fit(work, run)
    assert [r["val_loss"] for r in found.history] == [r["val_loss"] for r in expected.history]
