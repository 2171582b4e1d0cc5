"""distill_model as a request: what is kept, what the student can do, and what makes no sense."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

import scitrain
from scitrain.contracts.operation import job_of
from scitrain.errors import DataError, RunStateError, ScitrainError, UnknownNameError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

MLP = {"family": "mlp", "widths": [24]}
SMALL = {"family": "mlp", "widths": [4]}


def rows(n, seed=2):
    return np.random.default_rng(seed).normal(size=(n, 2))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Return one trained ensemble for all tests; who changes it puts it back."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    lines = [f"{a:.4f},{b:.4f},{3 * a - b + 0.1 * a * b:.4f}" for a, b in rows(160)]
    (workspace.root / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    data = str(workspace.root / "t.csv")
    request = {"data": data, "target": "y", "unit": "eV", "model": MLP, "ensemble": 3, "epochs": 12, "export": []}
    return Run.open(scitrain.TrainModel(**request).run(workspace).run_id, workspace)


def distil(teacher, **request):
    asked = {"model": SMALL, "epochs": 4, "export": []} | request
    done = scitrain.DistillModel(run=teacher.id, **asked).run(teacher.workspace)
    return done, Run.open(done.run_id, teacher.workspace)


def test_it_says_what_is_kept_and_the_student_is_a_run_like_any_other(teacher):
    more = [f"{a:.4f},{b:.4f},?" for a, b in [*rows(60, seed=9), *rows(160)[:5]]]
    (teacher.workspace.root / "more.csv").write_text("\n".join(["a,b,y", *more, "x,1,?"]) + "\n")
    done, run = distil(teacher, unlabelled="more.csv", export=["onnx"])
    told = run.read_json("results/distillation.json")
    own = {row["name"]: row for row in run.read_json("results/metrics.json")["metrics"] if row["split"] == "test"}
    theirs = {
        row["name"]: row for row in teacher.read_json("results/metrics.json")["metrics"] if row["split"] == "test"
    }
    assert told["student"]["value"] == pytest.approx(own["rmse"]["value"], rel=1e-5)
    assert told["teacher"]["value"] == pytest.approx(theirs["rmse"]["value"], rel=1e-5)
    assert told["kept"]["value"] == pytest.approx(theirs["rmse"]["value"] / own["rmse"]["value"], rel=1e-4)
    assert done.kept == told["kept"]["value"]
    assert told["gained"]["value"] == pytest.approx(told["alone"]["value"] - told["student"]["value"])
    assert told["sizes"]["student"]["parameters"] < told["sizes"]["teacher"]["parameters"] / 10
    assert told["n"] == own["rmse"]["n"] == theirs["rmse"]["n"]
    [said] = [d for d in run.record().decisions if d.what == "unlabelled rows"]
    assert (said.value, "1 unreadable, 5 among" in said.why) == (60, True)
    assert run.record().parents == [teacher.id]
    assert "taught by" in (run.path / "MODEL_CARD.md").read_text()
    assert (run.path / "figures/distillation.png").read_bytes().startswith(b"\x89PNG")
    json.dumps(done.model_dump(mode="json"), allow_nan=False)
    where = teacher.workspace
    assert scitrain.Predict(run=run.id, inputs=[{"a": 1, "b": 2}]).run(where).errors == 0
    judged = scitrain.EvaluateModel(run=run.id).run(where)
    assert judged.metrics[0].value == pytest.approx(own["rmse"]["value"], rel=1e-5)
    assert scitrain.ExplainModel(run=run.id, rows=1).run(where).importance


def test_a_student_that_goes_on_repeats_what_it_would_have_been(teacher):
    first, run = distil(teacher, model=None, alpha=1.0)
    assert run.read_json("models/config.json")["members"] == 1
    run.claim()
    run.update(status="interrupted", result=None)
    for name in ("results/distillation.json", "models/weights.safetensors", "models/config.json"):
        (run.path / name).unlink()
    second = job_of(run).execute_recorded(run)
    assert second.metrics == first.metrics
    assert second.kept == first.kept


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        ({"model": "cnn"}, ScitrainError, "'cnn' reads image, but tabular data give vector"),
        ({"unlabelled": "nowhere.csv"}, ScitrainError, "no file or folder"),
        ({"unlabelled": "other.csv"}, UnknownNameError, r"other\.csv named 'b'; known: a"),
        ({"unlabelled": "known.csv"}, DataError, "no row that is new and can be read: all are among"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(teacher, request_, error, said):
    a, b = rows(160)[3]
    (teacher.workspace.root / "other.csv").write_text("a,c\n1,2\n3,4\n")
    (teacher.workspace.root / "known.csv").write_text(f"a,b\n{a:.4f},{b:.4f}\n")
    with pytest.raises(error, match=said):
        distil(teacher, **request_)


def test_a_teacher_that_is_not_finished_or_is_none_is_refused(teacher):
    where, before = teacher.workspace, run_ids(teacher.workspace)
    teacher.update(status="failed")
    with pytest.raises(RunStateError, match=r"is failed, and only a completed run can teach; resume_run"):
        distil(teacher)
    teacher.update(status="running")
    with pytest.raises(RunStateError, match=r"is running, and only a completed run can teach; wait"):
        distil(teacher)
    teacher.update(status="completed")
    bare = Run.create("train_model", {}, where)
    with pytest.raises(RunStateError, match=r"has no models/config\.json: it is still queued"):
        distil(bare)
    assert run_ids(where) == [bare.id, *before]


def test_a_teacher_whose_data_changed_is_refused_for_its_test_rows_are_not_known(teacher):
    path = teacher.workspace.root / "t.csv"
    was = path.read_text()
    path.write_text(was + "0.1,0.2,0.3\n")
    with pytest.raises(DataError, match=r"t\.csv changed since .* which of its rows the teacher has seen"):
        distil(teacher)
    path.write_text(was)


def test_fields_out_of_range_are_refused_when_the_request_is_made():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        scitrain.DistillModel(run="x", alpha=2)
    with pytest.raises(ValidationError, match="greater than or equal to"):
        scitrain.DistillModel(run="x", temperature=0)


def test_a_student_may_be_named_by_its_family_alone_or_left_to_the_teacher_in_words():
    assert scitrain.DistillModel(run="a", model="mlp").model.family == "mlp"
    assert scitrain.DistillModel(run="a", model="auto").model is None
