import json
import os
import signal

import numpy as np
import pytest

import scitrain
from scitrain.errors import ScitrainError
from scitrain.executors import EXECUTORS
from scitrain.operations import OPERATIONS
from scitrain.runs import Run, run_ids
from scitrain.tuning.loop import Searching

ASKED = {"data": "t.csv", "target": "y", "n_trials": 3, "epochs": 2, "ensemble": 1, "export": [], "pruner": "none"}


@pytest.fixture
def table(workspace):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    y = x[:, 0] - 2 * x[:, 1] + 0.1 * rng.normal(size=120)
    rows = [f"{a:.4f},{b:.4f},{c:.4f},{t:.4f}" for (a, b, c), t in zip(x, y, strict=True)]
    (workspace.root / "t.csv").write_text("\n".join(["a,b,c,y", *rows]) + "\n")
    return workspace


def test_the_best_variant_becomes_a_normal_run_whose_parent_is_the_search(table):
    found = scitrain.TuneHyperparameters(**ASKED, unit="eV").run(table)
    best = Run.open(found.best_run, table)
    record = best.record()
    assert (record.operation, record.status, record.parents) == ("train_model", "completed", [found.run_id])
    spec = record.spec | record.spec["model"]
    assert {name: spec[name] for name in found.best.parameters} == found.best.parameters
    assert spec["epochs"] == 2
    assert (best.path / "MODEL_CARD.md").is_file()
    told = next(d for d in record.decisions if d.what == "hyperparameters")
    assert "lowest validation RMSE of y of 3 trials (3 complete)" in told.why
    assert found.metrics[0].split == "test"
    assert found.metrics[0].unit == "eV"
    said = scitrain.Predict(run=found.best_run, inputs=[{"a": 1, "b": 0, "c": 0}]).run(table)
    assert said.errors == 0


def test_a_search_leaves_its_trials_and_figures_and_no_model_of_its_own(table):
    found = scitrain.TuneHyperparameters(**ASKED).run(table)
    files = {
        "results/optuna_trials.json",
        "results/best_run.json",
        "figures/optuna_history.png",
        "figures/optuna_parallel.png",
    }
    assert files < set(found.files)
    assert not any(name.startswith("models/") for name in found.files)
    assert len(json.loads((table.runs / found.run_id / "results/optuna_trials.json").read_text())["trials"]) == 3


def test_the_best_can_learn_the_validation_rows_too(table):
    found = scitrain.TuneHyperparameters(**ASKED | {"n_trials": 1}, refit=True).run(table)
    record = Run.open(found.best_run, table).record()
    split = json.loads((table.runs / found.best_run / "results/data.json").read_text())["split"]
    refitted = next(d for d in record.decisions if d.what == "refit")
    assert refitted.value == split["train"] + split["val"]
    metrics = json.loads((table.runs / found.best_run / "results/metrics.json").read_text())
    assert metrics["conformal"]["kind"] == "interval"
    assert found.verdict


def test_every_variant_sees_data_that_were_prepared_once(table):
    scitrain.TuneHyperparameters(**ASKED).run(table)
    assert len(list((table.datasets).glob("*/features-*.npy"))) == 1


def test_a_search_that_is_done_is_not_searched_again_when_its_best_run_failed(table, monkeypatch):
    train = OPERATIONS["train_model"]
    monkeypatch.setattr(train, "_finish", lambda *_: (_ for _ in ()).throw(ScitrainError("no")))
    with pytest.raises(ScitrainError, match="no"):
        scitrain.TuneHyperparameters(**ASKED).run(table)
    monkeypatch.undo()
    [search] = [name for name in run_ids(table) if name.startswith("tune")]
    begun = [name for name in run_ids(table) if name.startswith("train")]
    monkeypatch.setattr(Searching, "_attempt", lambda *_: pytest.fail("it searches again"))
    scitrain.ResumeRun(run_id=search).run(table)
    assert Run.open(search, table).record().status == "completed"
    assert [name for name in run_ids(table) if name.startswith("train")] == begun
    assert Run.open(begun[0], table).record().status == "completed"


@pytest.mark.slow
def test_a_search_that_is_killed_loses_no_trial_that_ended(table):
    request = scitrain.TuneHyperparameters(**ASKED | {"n_trials": 6, "epochs": 20, "patience": 20})
    run = Run.open(request.start(table, EXECUTORS["local"]).run_id, table)

    def ended():
        lines = (run.path / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"event": "trial"')]

    def kill(step):
        pid = run.pid()
        if step.stage == "tune" and step.done >= 2 and pid is not None:
            os.kill(pid, signal.SIGKILL)

    def waited(on_progress=None):
        while (view := scitrain.GetRun(run_id=run.id, wait_s=45).run(table, on_progress)).status in (
            "queued",
            "running",
        ):
            pass
        return view

    assert waited(kill).status == "interrupted"
    before = {event["number"]: event["values"] for event in ended()}
    assert 2 <= len(before) < 6
    scitrain.ResumeRun(run_id=run.id).start(table, EXECUTORS["local"])
    assert waited().status == "completed"
    after = json.loads((run.path / "results/optuna_trials.json").read_text())["trials"]
    kept = {trial["number"]: trial["values"] for trial in after if trial["state"] == "complete"}
    assert before.items() <= kept.items()
    assert len(kept) == 6
