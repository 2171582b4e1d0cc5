"""compress_model as a request: what is kept, what is refused, and that its runs are models like any other."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

import scitrain
from scitrain.contracts.operation import job_of
from scitrain.errors import RunStateError, ScitrainError
from scitrain.inference import load_model, read_config
from scitrain.runs import Run
from scitrain.workspace import Workspace

MLP = {"family": "mlp", "widths": [96, 96], "norm": "batch", "dropout": 0.0}
ROWS = [{"a": 0.3, "b": -1.2}, {"a": 1.0, "b": 0.5}]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Run:
    """Return a small trained ensemble that has something to lose."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    rng = np.random.default_rng(2)
    rows = [f"{a:.4f},{b:.4f},{3 * a - b * b:.4f}" for a, b in rng.normal(size=(160, 2))]
    (workspace.root / "data.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
    done = scitrain.TrainModel(
        data="data.csv", target="y", unit="eV", model=MLP, ensemble=2, epochs=25, split="random", export=[]
    ).run(workspace=workspace)
    return Run.open(done.run_id, workspace)


def compress(source: Run, **request):
    done = scitrain.CompressModel(run=source.id, **request).run(workspace=source.workspace)
    return done, Run.open(done.run_id, source.workspace)


def predicted(run: Run) -> np.ndarray:
    found = scitrain.Predict(run=run.id, inputs=ROWS).run(workspace=run.workspace)
    return np.array([row.predictions[0].value for row in found.predictions])


@pytest.fixture(scope="module")
def smaller(source):
    return compress(source, method=["int8_static", "int8_weights"], max_quality_loss=0.2)


def test_the_smallest_that_holds_is_kept_and_said(source, smaller):
    found, run = smaller
    told = run.read_json("results/compression.json")
    ratios = {one["method"]: one["size_ratio"] for one in told["variants"]}
    assert found.kept == told["kept"] == "int8_weights"
    assert ratios["int8_weights"] == min(ratios.values()) < 0.5
    assert found.verdict.startswith("int8_weights is kept: ")
    assert "RMSE on validation rows" in found.verdict
    assert any("2 members" in warning for warning in found.warnings)
    loss = told["test"]
    assert loss["loss"] == pytest.approx(loss["value"] / loss["original"] - 1)
    assert loss["low"] <= loss["loss"] <= loss["high"]
    assert run.record().parents == [source.id]
    assert job_of(run).of == source.id
    assert {"figures/compression.png", "MODEL_CARD.md", "report.html", "models/model.onnx"} <= set(found.files)
    assert "models/weights.safetensors" not in found.files
    card = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"Compressed from {source.id}" in card
    json.dumps(found.model_dump(mode="json"), allow_nan=False)
    [row] = [
        r for r in run.read_json("results/metrics.json")["metrics"] if r["name"] == "rmse" and r["split"] == "test"
    ]
    assert row["value"] == pytest.approx(loss["value"])


def test_an_int8_run_predicts_evaluates_and_bundles_like_a_trained_one(source, smaller):
    run = smaller[1]
    np.testing.assert_allclose(predicted(run), predicted(source), atol=0.3)
    judged = scitrain.EvaluateModel(run=run.id).run(workspace=run.workspace)
    assert judged.metrics[0].value == pytest.approx(smaller[0].metrics[0].value)
    made = scitrain.ExportModel(run=run.id, formats=["bundle"]).run(workspace=run.workspace)
    assert {one.format for one in made.formats} == {"onnx", "bundle"}
    assert (run.path / "models/model.onnx").stat().st_size < 60_000


def test_what_an_int8_model_cannot_do_is_said_with_what_can(source, smaller):
    run = smaller[1]
    workspace = run.workspace
    with pytest.raises(ScitrainError, match=f"holds int8 weights already.*compress run='{source.id}'"):
        scitrain.CompressModel(run=run.id, method="int8_dynamic").run(workspace=workspace)
    with pytest.raises(ScitrainError, match="formats='torchscript' cannot hold it"):
        scitrain.ExportModel(run=run.id, formats=["torchscript"]).run(workspace=workspace)
    with pytest.raises(ScitrainError, match="no gradients"):
        scitrain.ExplainModel(run=run.id).run(workspace=workspace)
    with pytest.raises(ScitrainError, match="onnxruntime alone"):
        load_model(run, "torch")
    exported = scitrain.ExportModel(run=source.id, formats=["onnx"]).run(workspace=workspace)
    with pytest.raises(RunStateError, match=f"no weights; compress run='{source.id}'"):
        scitrain.CompressModel(run=exported.run_id).run(workspace=workspace)


def test_what_loses_too_much_is_refused_and_the_original_kept(source):
    found, run = compress(source, method="prune", sparsity=0.99, steps=1, epochs=1, max_quality_loss=0)
    [tried] = found.variants
    assert found.kept is None
    assert tried.loss > 0
    assert "of the error of RMSE on validation rows, 0 % of the error are allowed" in tried.reason
    assert found.verdict.startswith("Nothing is kept but the original")
    np.testing.assert_allclose(predicted(run), predicted(source), rtol=1e-5)
    assert read_config(run).weights == "fp32"
    assert "Compression was refused" in (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_pruned_weights_stay_zero_while_training_goes_on(source):
    found, run = compress(source, method="prune", sparsity=0.7, steps=2, epochs=40, max_quality_loss=1)
    [told] = run.read_json("results/compression.json")["variants"]
    assert found.kept == "prune"
    weights = load_file(run.path / "models/weights.safetensors")
    matrices = {name: w for name, w in weights.items() if name.startswith("members") and w.ndim == 2}
    share = sum((w == 0).sum() for w in matrices.values()) / sum(w.size for w in matrices.values())
    assert share == pytest.approx(0.7, abs=0.005)
    assert told["details"]["zeros"] == pytest.approx(share, rel=0.1)
    assert [step["asked"] for step in told["details"]["steps"]] == pytest.approx([0.6125, 0.7])
    assert told["deflated_bytes"] < 0.6 * told["bytes"]
    assert any("Single zeros take as much room" in warning for warning in found.warnings)


def test_structured_pruning_leaves_a_smaller_model_of_the_family(source):
    found, run = compress(source, method="prune", sparsity=0.6, structured=True, steps=2, epochs=40, max_quality_loss=1)
    assert found.kept == "prune"
    [told] = run.read_json("results/compression.json")["variants"]
    widths = read_config(run).model["widths"]
    assert max(widths) < 96
    assert told["size_ratio"] < 0.6
    assert told["details"]["removed"] == pytest.approx(0.6, abs=0.1)
    np.testing.assert_allclose(predicted(run), predicted(source), atol=3)
    again, quantised = compress(run, method="int8_weights", max_quality_loss=1)
    assert again.kept == "int8_weights"
    assert np.isfinite(predicted(quantised)).all()


def test_half_precision_weights_are_a_normal_model(source):
    found, run = compress(source, method="fp16", max_quality_loss=0.5)
    assert found.kept == "fp16"
    assert found.variants[0].size_ratio < 0.75
    whole, half = (r.path / "models/weights.safetensors" for r in (source, run))
    assert half.stat().st_size < 0.75 * whole.stat().st_size
    assert {str(w) for w in (load_model(run, "torch").backend, load_model(run, "onnx").backend)} == {"torch", "onnx"}
    np.testing.assert_allclose(predicted(run), predicted(source), atol=0.3)


@pytest.mark.parametrize(
    "request_", [{"method": "int4"}, {"sparsity": 1.0}, {"steps": 0}, {"max_quality_loss": -0.1}, {"method": []}]
)
def test_nonsense_is_refused_before_there_is_a_run(request_):
    with pytest.raises(ValidationError):
        scitrain.CompressModel(run="train_model-20260101T120000-0a1b2c3d", **request_)
