"""torch.compile: planned by device, kept where measured steps repay it, given up with the reason where it fails."""

import shutil

import numpy as np
import pytest
import torch

from scitrain.models.mlp import Mlp
from scitrain.training import compiling
from scitrain.training.compiling import plan_compiling
from scitrain.training.fit import fit
from scitrain.training.predictor import build_member
from scitrain.training.team import Team

NUMBERS = ("train_loss", "val_loss")


def numbers(fitted):
    return [[row[name] for name in NUMBERS] for row in fitted.history]


def decided(run):
    return {decision.what: decision for decision in run.record().decisions}["compile"]


@pytest.fixture
def compiled(monkeypatch):
    """Stand in for torch.compile: what it gets runs as it is, and the passes through it are counted."""
    passes = []

    def stand_in(function, dynamic):
        def run(rows):
            passes.append(rows.shape)
            return function(rows)

        return run

    monkeypatch.setattr(torch, "compile", stand_in)
    monkeypatch.setattr(compiling, "_lacking", lambda device: "")
    return passes


@pytest.fixture
def measured(monkeypatch):
    """Let a choice be open on the CPU, and tell it what passes take: seconds as they stand, and compiled."""

    def set_to(eager, compiled):
        monkeypatch.setattr(
            "scitrain.training.auto.plan_compiling", lambda asked, device, processes: (None, "measured")
        )
        taken = iter([eager, compiled])

        def median_s(step, device):
            step()
            return next(taken)

        monkeypatch.setattr(compiling, "_median_s", median_s)

    return set_to


@pytest.mark.parametrize(
    ("asked", "device", "processes", "expected", "said"),
    [
        (False, "cuda", 1, False, "asked for"),
        (True, "cuda", 1, True, "asked for"),
        ("auto", "cpu", 1, False, "same numbers each time"),
        ("auto", "mps", 1, False, "on mps"),
        ("auto", "cuda", 2, False, "several processes"),
        ("auto", "cuda", 1, None, "measured"),
    ],
)
def test_it_is_planned_by_device(monkeypatch, asked, device, processes, expected, said):
    monkeypatch.setattr(compiling, "_lacking", lambda device: "")
    found, why = plan_compiling(asked, device, processes)
    assert found is expected
    assert said in why


def test_without_a_compiler_the_network_runs_as_it_is_and_says_why(monkeypatch, learning, run):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    found = fit(learning(epochs=1, compile=True), run)
    assert found.facts["compile"]["used"] is False
    assert "asked for, but torch.compile needs a C++ compiler" in decided(run).why
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    assert "triton" in plan_compiling("auto", "cuda", 1)[1]


def test_what_pays_is_kept_and_recorded_with_its_times(learning, new_run, compiled, measured):
    work = learning(epochs=4)
    expected = fit(work, new_run())
    assert compiled == []
    measured(100.0, 60.0)
    run = new_run()
    found = fit(work, run)
    facts = found.facts["compile"]
    assert (facts["used"], facts["eager_ms"], facts["compiled_ms"]) == (True, 100_000, 60_000)
    assert "60000 ms compiled, 100000 ms as it stands" in decided(run).why
    assert decided(run).value is True
    assert numbers(found) == numbers(expected), "measuring leaves weights, statistics and random states as they were"
    assert len(compiled) > found.facts["steps"]


@pytest.mark.parametrize(("eager", "faster"), [(100.0, 98.0), (0.001, 0.0001)], ids=["hardly faster", "soon done"])
def test_what_does_not_pay_is_left(learning, run, compiled, measured, eager, faster):
    measured(eager, faster)
    found = fit(learning(epochs=2), run)
    assert found.facts["compile"]["used"] is False
    assert len(compiled) == (0 if eager < 1 else 3)
    assert "would not repay" in decided(run).why or "as it stands" in decided(run).why


def test_a_network_that_cannot_be_compiled_is_trained_as_it_is(learning, run, monkeypatch, compiled):
    def refuse(rows):
        raise RuntimeError("no lowering for this operation\nand a long trace")

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: refuse)
    found = fit(learning(epochs=2, compile=True), run)
    assert len(found.history) == 2
    assert decided(run).why == "torch.compile failed on this network: no lowering for this operation"


class Stop(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize("ensemble", [1, 2])
def test_a_resumed_training_keeps_what_was_chosen_and_its_numbers(learning, new_run, compiled, measured, ensemble):
    work = learning(epochs=4, ensemble=ensemble, model=Mlp(widths=[16], dropout=0.3))
    measured(100.0, 60.0)
    expected = fit(work, new_run())
    measured(100.0, 60.0)
    run = new_run()

    def stop(step):
        if step.stage == "train" and step.done == 2:
            raise Stop

    run.on_progress = stop
    with pytest.raises(Stop):
        fit(work, run)
    run.on_progress = None
    compiled.clear()
    found = fit(work, run)  # a second measurement would find no more times to tell
    assert numbers(found) == numbers(expected)
    assert found.facts["compile"] == expected.facts["compile"] | {"compile_s": found.facts["compile"]["compile_s"]}
    assert compiled


def test_validation_and_prediction_are_not_compiled(learning, compiled):
    team = Team([fit_member(learning)], "cpu")
    team.compile(True)
    team.train(False)
    team.forward(torch.zeros(1, 3, 5))
    assert compiled == []
    team.train(True)
    team.forward(torch.zeros(1, 3, 5))
    assert len(compiled) == 1


def fit_member(learning):
    work = learning()
    return build_member(work.model, work.shape, 1)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.filterwarnings("default")  # of torch's own compiler
def test_a_vectorised_ensemble_is_compiled_in_earnest_and_learns_the_same(learning, new_run):
    asked = {"model": Mlp(widths=[8], dropout=0.0), "ensemble": 2, "epochs": 3, "n": 128, "batch_size": 48}
    expected = fit(learning(**asked), new_run())
    run = new_run()
    found = fit(learning(compile=True, **asked), run)
    assert found.facts["compile"]["used"], decided(run).why
    assert found.facts["compile"]["compile_s"] > 0
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-4)
