"""Several targets of different kinds, from the request to everything a run is good for."""

import csv
from pathlib import Path

import numpy as np
import pytest

import scitrain
from scitrain.errors import DataError, ScitrainError
from scitrain.inference import load_predictor, read_config
from scitrain.operations.train_model import TrainResult
from scitrain.training.one_target import predictor_of
from scitrain.training.predict import predict_array
from scitrain.workspace import Workspace

KINDS = ("cubic", "hexagonal", "other")
TARGETS = ["energy", "stability", "system"]
QUICK: dict[str, object] = {
    "target": TARGETS,
    "unit": {"energy": "eV"},
    "epochs": 3,
    "ensemble": 2,
    "export": [],
    "model": {"family": "mlp", "widths": [8], "norm": "none"},
}


def table(path: Path, n: int = 150) -> Path:
    """Write rows of which each target follows, with a fifth of the labels missing."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, n))
    cells = [
        [f"{3 * x - y:.3f}", "yes" if x + y > 0 else "no", KINDS[0 if x > 0.4 else 1 if y > 0.2 else 2]]
        for x, y in zip(a, b, strict=True)
    ]
    kept = rng.random((n, 3)) > 0.2
    rows = [
        [x, y, *(c if k else "" for c, k in zip(row, there, strict=True))]
        for x, y, row, there in zip(a, b, cells, kept, strict=True)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b", *TARGETS], *rows])
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("many")
    table(folder / "table.csv")
    return Workspace(folder)


@pytest.fixture(scope="module")
def done(work: Workspace) -> TrainResult:
    asked = QUICK | {"data": str(work.root / "table.csv"), "single_tasks": True, "task_weights": {"energy": 2.0}}
    return scitrain.TrainModel.model_validate(asked).run(workspace=work)


@pytest.fixture(scope="module")
def run(done: TrainResult, work: Workspace) -> scitrain.Run:
    return scitrain.Run.open(done.run_id, work)


def test_a_run_of_mixed_targets_tells_each_by_its_own_metric(done: TrainResult) -> None:
    assert done.task == "mixed"
    said = {(one.name, one.target) for one in done.metrics}
    assert ("skill", None) in said
    assert ("rmse", "energy") in said
    assert {("auroc", "stability"), ("auroc", "system")} <= said
    assert "skill" in done.verdict


def test_what_learning_together_gains_is_told_with_an_interval_and_drawn(done: TrainResult, run: scitrain.Run) -> None:
    told = run.read_json("results/single_tasks.json")
    assert [row["target"] for row in told["targets"]] == TARGETS
    for row in [told["mean"], *told["targets"]]:
        assert row["gain"] == pytest.approx(row["together"] - row["alone"])
        assert row["low"] <= row["gain"] <= row["high"]
    assert done.together == told["sentence"]
    assert done.together in done.summary()
    assert (run.path / "figures/task_gain.png").read_bytes().startswith(b"\x89PNG")
    for page in ("MODEL_CARD.md", "report.html"):
        assert "together" in (run.path / page).read_text(encoding="utf-8")


def test_the_network_of_all_is_the_same_whether_it_is_compared_or_not(run: scitrain.Run, work: Workspace) -> None:
    asked = QUICK | {"data": str(work.root / "table.csv"), "task_weights": {"energy": 2.0}}
    again = scitrain.TrainModel.model_validate(asked).run(workspace=work)
    ours, theirs = (load_predictor(one) for one in (run, scitrain.Run.open(again.run_id, work)))
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert (a == b).all()


def test_each_target_has_its_figures(run: scitrain.Run) -> None:
    for name in ("parity", "confusion_matrix", "roc_pr", "calibration", "calibration_of_intervals", "baselines"):
        assert (run.path / f"figures/{name}.png").is_file(), name


def test_a_prediction_carries_an_interval_or_a_set_by_target(run: scitrain.Run, work: Workspace) -> None:
    said = scitrain.Predict.model_validate({"run": run.id, "inputs": [{"a": 0.3, "b": 0.1}]}).run(workspace=work)
    [row] = said.predictions
    energy, stability, system = row.predictions
    assert energy.low is not None
    assert energy.high is not None
    assert energy.low < float(str(energy.value)) < energy.high
    assert stability.value in ("no", "yes")
    assert system.value in KINDS


def test_new_labels_are_judged_by_target(run: scitrain.Run, work: Workspace) -> None:
    found = scitrain.EvaluateModel.model_validate({"run": run.id, "data": str(work.root / "table.csv")}).run(
        workspace=work
    )
    assert {one.target for one in found.metrics if one.name == "coverage"} == set(TARGETS)


def test_two_runs_of_mixed_targets_are_compared_in_pairs(run: scitrain.Run, work: Workspace) -> None:
    asked = QUICK | {"data": str(work.root / "table.csv"), "task_weights": "uncertainty", "epochs": 1}
    other = scitrain.TrainModel.model_validate(asked).run(workspace=work)
    weights = scitrain.Run.open(other.run_id, work).read_json("results/dl_training_log.json")["task_weights"]
    assert set(weights) == set(TARGETS)
    found = scitrain.CompareRuns.model_validate({"runs": [run.id, other.run_id]}).run(workspace=work)
    [pair] = found.pairs
    assert pair.improvement is not None
    assert pair.low is not None
    assert pair.n > 10


def test_the_part_of_one_target_says_what_the_whole_says_of_it(run: scitrain.Run) -> None:
    config, whole = read_config(run), load_predictor(run)
    x = np.random.default_rng(0).normal(size=(9, *config.shape.shape)).astype(np.float32)
    said = predict_array(whole, x)
    for slot in config.slots:
        part = predict_array(predictor_of(whole, slot), x)
        np.testing.assert_allclose(part.prediction, said.prediction[:, slot.start : slot.end], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(part.spread, said.spread[:, slot.start : slot.end], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("target", "unit"), [("energy", "eV"), ("system", "log-odds")])
def test_one_target_is_explained_in_its_own_unit(run: scitrain.Run, work: Workspace, target: str, unit: str) -> None:
    asked = {"run": run.id, "target": target, "rows": 2}
    found = scitrain.ExplainModel.model_validate(asked).run(workspace=work)
    told = scitrain.Run.open(found.run_id, work).read_json("results/importance.json")
    assert told["unit"] == unit
    assert {feature["feature"] for feature in told["features"]} <= {"a", "b"}


def test_a_search_takes_mixed_targets(work: Workspace) -> None:
    asked = QUICK | {"data": str(work.root / "table.csv"), "n_trials": 2, "epochs": 1, "ensemble": 1, "workers": 1}
    found = scitrain.TuneHyperparameters.model_validate(asked | {"search": ["learning_rate"]}).run(workspace=work)
    told = scitrain.Run.open(found.run_id, work).read_json("results/optuna_trials.json")
    assert told["objectives"][0]["title"] == "1 − validation skill, mean of 3 targets"


def test_an_inspection_names_the_kind_of_each_target_ready_to_train_with(work: Workspace) -> None:
    asked = {"data": str(work.root / "table.csv"), "target": TARGETS}
    found = scitrain.InspectDataset.model_validate(asked).run(workspace=work)
    assert found.train_model["task"] == {"energy": "regression", "stability": "binary", "system": "multiclass"}
    scitrain.TrainModel.model_validate(found.train_model)


def test_a_teacher_of_mixed_targets_is_refused_with_what_to_do(run: scitrain.Run, work: Workspace) -> None:
    with pytest.raises(ScitrainError, match="does not take a model of mixed targets"):
        scitrain.DistillModel.model_validate({"run": run.id}).run(workspace=work)


def test_folds_of_mixed_targets_are_refused_with_what_to_do(work: Workspace) -> None:
    asked = QUICK | {"data": str(work.root / "table.csv"), "split": {"kind": "kfold", "folds": 3}}
    with pytest.raises(DataError, match=r"split\.fold"):
        scitrain.TrainModel.model_validate(asked).run(workspace=work)


def test_a_single_target_cannot_be_compared_with_itself(work: Workspace) -> None:
    asked = QUICK | {"data": str(work.root / "table.csv"), "target": "energy", "single_tasks": True}
    with pytest.raises(ScitrainError, match="only one"):
        scitrain.TrainModel.model_validate(asked).run(workspace=work)


def test_fine_tuning_takes_the_encoder_of_a_run_to_several_targets(run: scitrain.Run, work: Workspace) -> None:
    asked = QUICK | {
        "data": str(work.root / "table.csv"),
        "source": run.id,
        "strategy": "feature",
        "single_tasks": True,
    }
    asked = {name: value for name, value in asked.items() if name != "model"}
    found = scitrain.FinetuneModel.model_validate(asked | {"ensemble": 1}).run(workspace=work)
    assert found.task == "mixed"
    assert "earning the targets together" in found.together or "not known" in found.together
