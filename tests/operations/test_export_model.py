"""export_model as a request."""

from types import ModuleType

import pytest
from pydantic import ValidationError

from scitrain.errors import RunNotFoundError, RunStateError
from scitrain.inference import load_model
from scitrain.operations.export_model import ExportModel
from scitrain.runs import Run


@pytest.fixture(scope="module")
def source(trained: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run: Run = trained.trained_run(tmp_path_factory.mktemp("export"), "multiclass")
    return run


def test_it_exports_into_a_run_of_its_own_and_says_what_it_made(source: Run, trained: ModuleType) -> None:
    result = ExportModel(run=source.id, rows=10).run(source.workspace)
    run = Run.open(result.run_id, source.workspace)
    assert run.record().status == "completed"
    assert run.record().parents == [source.id]
    assert [found.format for found in result.formats] == ["onnx", "bundle"]
    assert {"models/model.onnx", "models/bundle.zip", "models/bundle/inference.py", "models/export_check.json"} <= set(
        result.files
    )
    assert all((run.path / name).is_file() for name in result.files)
    onnx = result.formats[0]
    assert onnx.rows == 10
    assert onnx.max_difference <= onnx.tolerance
    assert onnx.bytes == (run.path / onnx.file).stat().st_size
    assert "onnx: models/model.onnx" in result.summary()
    assert result.next_step
    assert load_model(run).backend == "onnx"
    assert len(load_model(run).predict({"formula": trained.FORMULAS[:3]})) == 3


def test_only_what_was_asked_for_is_made(source: Run) -> None:
    result = ExportModel(run=source.id, formats=["safetensors"]).run(source.workspace)
    assert [found.format for found in result.formats] == ["safetensors"]
    assert "models/model.onnx" not in result.files
    assert "bundle" in result.next_step


def test_an_unknown_format_is_refused_with_its_neighbour() -> None:
    with pytest.raises(ValidationError, match="did you mean 'torchscript'"):
        ExportModel(run="x", formats=["torch_script"])
    with pytest.raises(ValidationError):
        ExportModel(run="x", formats=[])


def test_a_run_that_is_not_there_or_has_no_model_is_refused_at_once(source: Run) -> None:
    with pytest.raises(RunNotFoundError, match="no run named"):
        ExportModel(run="../elsewhere").check(source.workspace)
    empty = Run.create("train_model", {}, source.workspace)
    with pytest.raises(RunStateError, match=r"no models/config.json"):
        ExportModel(run=empty.id).check(source.workspace)
    assert ExportModel(run=source.id).eta_s(source.workspace)


def test_the_request_survives_its_record(source: Run) -> None:
    request = ExportModel(run=source.id, formats=["onnx"], rows=5)
    assert ExportModel.model_validate(request.model_dump(mode="json")) == request
    assert request.parents() == [source.id]
