"""From a file to predictions, through the public classes."""

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

import scitrain
from scitrain.executors import EXECUTORS
from scitrain.runs import Progress, Run
from scitrain.workspace import Workspace

QUICK = {"epochs": 4, "ensemble": 2, "batch_size": 32}
MOLECULES = [
    "C" * n + tail for n in range(1, 12) for tail in ("O", "N", "Cl", "C(=O)O", "c1ccccc1", "C1CCCC1", "OC", "C#N")
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("story")
    with (root / "molecules.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "size (A)"])
        writer.writerows([smiles, Chem.MolFromSmiles(smiles).GetNumHeavyAtoms() * 1.5] for smiles in MOLECULES)
    return Workspace(root)


@pytest.fixture(scope="module")
def trained(home: Workspace) -> "scitrain.operations.train_model.TrainResult":
    return scitrain.TrainModel(data="molecules.csv", target="size (A)", split="random", export=["onnx"], **QUICK).run(
        home
    )


def test_a_training_leaves_every_documented_file(home: Workspace, trained) -> None:
    for name in (
        "run.json", "events.jsonl", "results/metrics.json", "results/data.json", "results/dl_training_log.json",
        "results/architecture.json", "results/predictions.csv",
        "figures/dl_learning_curve.png", "figures/parity.png", "figures/calibration.png",
        "models/weights.safetensors", "models/config.json", "models/model.onnx", "models/export_check.json",
        "MODEL_CARD.md", "report.html", "train_script.py",
    ):  # fmt: skip
        assert name in trained.files, name


def test_the_record_round_trips_through_the_class(home: Workspace, trained) -> None:
    spec = Run.open(trained.run_id, home).record().spec
    assert scitrain.TrainModel.model_validate(spec).model_dump(mode="json") == spec


def test_numbers_have_unit_interval_n_and_baselines(trained) -> None:
    rmse = trained.metrics[0]
    assert rmse.unit == "A"
    assert rmse.low < rmse.value < rmse.high
    assert set(rmse.baselines) == {"mean", "ridge", "random forest"}
    assert trained.verdict


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_another_spelling_of_a_molecule_is_predicted_the_same(home: Workspace, trained, backend: str) -> None:
    spellings = ["OCC", "CCO", "C(O)C", "[CH3][CH2][OH]"]
    found = scitrain.Predict(run=trained.run_id, inputs=spellings, backend=backend).run(home)
    values = [row.predictions[0].value for row in found.predictions]
    assert values == pytest.approx([values[0]] * 4, rel=1e-6)


def test_onnxruntime_and_torch_say_the_same(home: Workspace, trained) -> None:
    said = [scitrain.Predict(run=trained.run_id, inputs=MOLECULES[:9], backend=b).run(home) for b in ("torch", "onnx")]
    torch_said, onnx_said = ([(r.predictions[0].value, r.predictions[0].low) for r in s.predictions] for s in said)
    assert np.array(onnx_said) == pytest.approx(np.array(torch_said), rel=1e-4)


def test_a_bad_row_costs_itself_only(home: Workspace, trained) -> None:
    found = scitrain.Predict(run=trained.run_id, inputs=["CCO", "C1CC", "", "CCO.[Na+].[Cl-]"]).run(home)
    assert [row.error is None for row in found.predictions] == [True, False, False, True]
    assert "never closed" in str(found.predictions[1].error)
    assert found.errors == 2


def test_a_file_is_predicted_row_by_row_into_parquet_too(home: Workspace, trained) -> None:
    found = scitrain.Predict(run=trained.run_id, data="molecules.csv", output="all.parquet").run(home)
    assert found.rows == len(MOLECULES)
    assert (home.root / "all.parquet").is_file()


def test_a_path_out_of_the_workspace_is_refused_before_a_run_is_made(home: Workspace, trained) -> None:
    before = len(list(home.runs.iterdir()))
    with pytest.raises(scitrain.ScitrainError, match="leads out of the workspace"):
        scitrain.Predict(run=trained.run_id, inputs=["CCO"], output="../all.csv").run(home)
    assert len(list(home.runs.iterdir())) == before


def test_predictions_never_replace_the_file_they_are_made_for(home: Workspace, trained) -> None:
    before = (home.root / "molecules.csv").read_bytes()
    with pytest.raises(scitrain.ScitrainError, match="give another name"):
        scitrain.Predict(run=trained.run_id, data="molecules.csv", output="molecules.csv").run(home)
    assert (home.root / "molecules.csv").read_bytes() == before


def test_a_file_without_rows_says_so(home: Workspace, trained) -> None:
    (home.root / "empty.csv").write_text("smiles\n")
    assert "no rows" in scitrain.Predict(run=trained.run_id, data="empty.csv").run(home).summary()


def test_judging_again_gives_the_same_test_numbers(home: Workspace, trained) -> None:
    again = scitrain.EvaluateModel(run=trained.run_id).run(home)
    assert [m.value for m in again.metrics] == pytest.approx([m.value for m in trained.metrics], rel=1e-5)
    assert again.verdict == trained.verdict


def test_new_labelled_data_are_judged_and_unlabelled_rows_left_out(home: Workspace, trained) -> None:
    (home.root / "new.csv").write_text("smiles,size (A)\nCCCCO,7.5\nCCN,4.5\nbad(,1\nCCCl,\nCCCCCCO,10.5\n")
    found = scitrain.EvaluateModel(run=trained.run_id, data="new.csv").run(home)
    assert (found.rows, found.rejected) == (3, 1)
    assert found.metrics[0].n == 3


def test_the_same_seed_gives_the_same_numbers(home: Workspace, trained) -> None:
    again = scitrain.TrainModel(data="molecules.csv", target="size (A)", split="random", export=[], **QUICK).run(home)
    first, second = (json.loads((home.runs / r.run_id / "results/metrics.json").read_text()) for r in (trained, again))
    assert first["metrics"] == second["metrics"]


def waited(run_id: str, home: Workspace, on_progress=None):
    """Wait for the end of a run."""
    while (view := scitrain.GetRun(run_id=run_id, wait_s=45).run(home, on_progress)).status in ("queued", "running"):
        pass
    return view


def test_a_training_that_is_killed_and_resumed_ends_as_if_nothing_had_happened(home: Workspace) -> None:
    request = scitrain.TrainModel(
        data="molecules.csv", target="size (A)", split="random", export=[], epochs=150, patience=150, ensemble=2,
        checkpoint_seconds=0,
    )  # fmt: skip
    whole = request.run(home)
    run = Run.open(request.start(home, EXECUTORS["local"]).run_id, home)

    def kill(step: Progress) -> None:
        pid = run.pid()
        if step.stage == "train" and step.done >= 3 and pid is not None:
            os.kill(pid, signal.SIGKILL)

    assert waited(run.id, home, kill).status == "interrupted"
    scitrain.ResumeRun(run_id=run.id).run(home)
    assert waited(run.id, home).status == "completed"
    unbroken, resumed = (
        json.loads(Path(home.runs / name / "results/metrics.json").read_text())["metrics"]
        for name in (whole.run_id, run.id)
    )
    assert resumed == unbroken


def test_a_network_that_reads_text_learns_other_spellings_of_its_training_rows_only(home: Workspace) -> None:
    found = scitrain.TrainModel(
        data="molecules.csv", target="size (A)", split="random", model="rnn", export=[], epochs=1
    ).run(home)
    rows = json.loads((home.runs / found.run_id / "results/data.json").read_text())["split"]
    chosen = {decision.what: decision.value for decision in found.decisions}
    assert chosen["spellings"] == 4 * rows["train"]
