"""Cross-validation and nested cross-validation, from the request to the model that is kept."""

import csv

import numpy as np
import pytest

import scitrain
from scitrain.errors import CancelledError, ScitrainError
from scitrain.operations import OPERATIONS
from scitrain.runs import Run, run_ids
from scitrain.workflow.folds import FoldRun, minutes_left, trained_folds
from scitrain.workspace import Workspace

ASKED = {
    "data": "t.csv",
    "target": "y",
    "unit": "eV",
    "split": {"kind": "kfold", "folds": 2},
    "epochs": 2,
    "ensemble": 1,
    "export": [],
}
SMALL = {"model": {"family": "mlp", "widths": [8]}}


def write_table(workspace: Workspace) -> Workspace:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    y = x[:, 0] - 2 * x[:, 1] + 0.1 * random.normal(size=80)
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{t:.4f}" for (a, b, c), t in zip(x, y, strict=True)]
    (workspace.root / "t.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    return workspace


@pytest.fixture
def table(workspace: Workspace) -> Workspace:
    return write_table(workspace)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workspace:
    return write_table(Workspace(tmp_path_factory.mktemp("workspace")))


@pytest.fixture(scope="module")
def done(place):
    """A cross-validation, and what it told on its way."""
    told: list[str] = []
    result = scitrain.TrainModel(**ASKED, **SMALL).run(place, lambda step: told.append(step.message))
    return result, Run.open(result.run_id, place), told


@pytest.fixture(scope="module")
def nested(place):
    asked = {**ASKED, "n_trials": 2, "search": ["dropout", "widths"], "pruner": "none", "model": {"family": "mlp"}}
    result = scitrain.TuneHyperparameters(**asked).run(place)
    return result, Run.open(result.run_id, place)


def cells(run: Run) -> list[dict[str, str]]:
    with (run.path / "results/predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_fold_is_a_normal_run_whose_parent_is_the_cross_validation(done) -> None:
    _, run, told = done
    folds = trained_folds(run)
    assert [one.fold for one in folds] == [0, 1]
    for one in folds:
        record = one.run.record()
        assert (record.operation, record.status, record.parents) == ("train_model", "completed", [run.id])
        assert record.spec["split"]["fold"] == one.fold  # type: ignore[index, call-overload]  # JSON
        assert record.spec["model"] == run.record().spec["model"]
    assert any(message.startswith("fold 2 of 2: epoch") for message in told)


def test_every_row_is_predicted_once_by_a_network_that_had_not_seen_it(done) -> None:
    _, run, _ = done
    pooled = cells(run)
    assert sorted(int(row["row"]) for row in pooled) == list(range(1, 81))
    assert pooled == [row for one in trained_folds(run) for row in cells(one.run)]


def test_metrics_are_of_all_rows_and_folds_stand_beside_them(done) -> None:
    result, run, _ = done
    rmse = next(row for row in run.read_json("results/metrics.json")["metrics"] if row["name"] == "rmse")
    apart = [float(row["y"]) - float(row["y_predicted"]) for row in cells(run)]
    assert rmse["value"] == pytest.approx(np.sqrt(np.mean(np.square(apart))), rel=1e-5)
    assert rmse["n"] == 80
    assert set(rmse["baselines"]) == {"mean", "ridge", "random forest"}
    told = run.read_json("results/folds.json")
    assert [entry["test"] for entry in told["runs"]] == [40, 40]
    assert {"pooled", "folds"} == set(told["intervals"])
    assert result.folds[0].startswith("fold 0: test RMSE")
    assert "corrected t interval" in result.folds[-1]
    assert result.verdict in result.summary()
    assert any("numbers are those of 2 networks" in warning for warning in result.warnings)
    assert {"figures/folds.png", "figures/parity.png", "MODEL_CARD.md"} <= set(result.files)


def test_the_network_that_is_kept_learned_from_all_rows_and_predicts_explains_and_exports(done, place) -> None:
    result, run, _ = done
    split = run.read_json("results/data.json")["split"]
    assert split["train"] + split["val"] == 80
    assert next(d for d in result.decisions if d.what == "kept network").value == "trained on all rows"
    said = scitrain.Predict(run=run.id, inputs=[{"a": 1, "b": 0.5, "c": 0.1}]).run(place)
    assert said.errors == 0
    exported = scitrain.ExportModel(run=run.id, formats=["safetensors"]).run(place)
    assert exported.formats[0].format == "safetensors"
    explained = scitrain.ExplainModel(run=run.id, method="permutation").run(place)
    chosen = Run.open(explained.run_id, place).record().decisions
    assert next(d.value for d in chosen if d.what == "rows") == "validation"


def test_judging_it_again_gives_the_pooled_numbers_and_no_other_coverage(done, place) -> None:
    result, run, _ = done
    again = scitrain.EvaluateModel(run=run.id).run(place)
    assert [(m.name, m.value, m.low) for m in again.metrics] == [(m.name, m.value, m.low) for m in result.metrics]
    assert again.rows == 80
    assert again.verdict == result.verdict
    with pytest.raises(ScitrainError, match="was cross-validated"):
        scitrain.EvaluateModel(run=run.id, coverage=0.5).run(place)


def test_cross_validated_runs_are_compared_on_all_their_rows(done, nested, place) -> None:
    found = scitrain.CompareRuns(runs=[done[1].id, nested[1].id]).run(place)
    assert [pair.n for pair in found.pairs] == [80]
    assert found.pairs[0].p is not None


@pytest.fixture
def plain(monkeypatch) -> None:
    """Leave out figures and pages, which take longer than a tiny training."""
    for name in ("draw_all", "render_card", "render_report"):
        monkeypatch.setattr(f"scitrain.workflow.finish.{name}", lambda run: None)


@pytest.mark.usefixtures("plain")
def test_a_fold_that_failed_is_named_and_the_others_are_not_trained_again(table, monkeypatch) -> None:
    train = OPERATIONS["train_model"]
    finish, calls = train._finish, []

    def second_fails(self, *arguments):
        calls.append(self.split.fold)
        if self.split.fold == 1:
            raise ScitrainError("no luck")
        return finish(self, *arguments)

    monkeypatch.setattr(train, "_finish", second_fails)
    with pytest.raises(ScitrainError, match=r"fold 1, run train_model-\S+: no luck"):
        scitrain.TrainModel(**ASKED, **SMALL).run(table)
    monkeypatch.setattr(train, "_finish", lambda self, *a: (calls.append(self.split.fold), finish(self, *a)))
    begun = run_ids(table)
    parent = next(name for name in begun if not Run.open(name, table).record().parents)
    for name in (begun[0], parent):  # as a SIGKILL leaves them: at work, and nobody there
        Run.open(name, table).update(status="running", ended=None, error=None)
    scitrain.ResumeRun(run_id=parent).run(table)
    assert Run.open(parent, table).record().status == "completed"
    assert calls == [0, 1, 1]
    assert run_ids(table) == begun


def test_stopping_a_fold_stops_the_cross_validation(table, monkeypatch) -> None:
    def stopped(*_):
        raise CancelledError("asked to stop")

    monkeypatch.setattr(OPERATIONS["train_model"], "_finish", stopped)
    with pytest.raises(CancelledError):
        scitrain.TrainModel(**ASKED, **SMALL).run(table)
    assert {Run.open(name, table).record().status for name in run_ids(table)} == {"cancelled"}


def test_time_is_shared_out_among_the_folds_and_what_comes_after(workspace) -> None:
    assert minutes_left(None, [], 3) is None
    assert minutes_left(12.0, [], 3) == 4.0
    first = Run.create("train_model", {}, workspace)
    first.end("completed", timings={"total": 240.0})
    assert minutes_left(12.0, [FoldRun(0, first)], 2) == 4.0
    first.update(timings={"total": 900.0})
    assert minutes_left(12.0, [FoldRun(0, first)], 2) == pytest.approx(0.4)


def test_each_outer_fold_has_a_search_of_its_own_and_meets_its_test_rows_once(nested, place) -> None:
    result, run = nested
    folds = trained_folds(run)
    assert {one.run.record().operation for one in folds} == {"tune_hyperparameters"}
    for one in folds:
        assert one.run.record().parents == [run.id]
        assert one.trained.record().parents == [one.run.id]
        assert one.trained.record().spec["split"] == one.run.record().spec["split"]
        trials = one.run.read_json("results/optuna_trials.json")
        assert len(trials["trials"]) == 2
    assert cells(run) == [row for one in folds for row in cells(one.trained)]
    assert result.best_run == run.id
    assert scitrain.Predict(run=run.id, inputs=[{"a": 1, "b": 0.5, "c": 0.1}]).run(place).errors == 0


def test_what_the_searches_chose_stands_beside_what_is_kept(nested) -> None:
    result, run = nested
    told = run.read_json("results/nested.json")
    assert [fold["fold"] for fold in told["folds"]] == [0, 1]
    assert set(told["agreement"]) == {"dropout", "widths"} == set(told["kept"]["parameters"])
    assert len(told["agreement"]["dropout"]["values"]) == 2
    assert told["kept"]["parameters"] == result.best.parameters
    assert (run.path / "figures/nested.png").is_file()
    assert any(line.startswith("dropout: ") for line in result.folds)
    assert any(line.startswith("widths: ") and "of 2 folds chose" in line for line in result.folds)
