"""What every exported file promises."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import onnx
import pytest

from scitrain.contracts.exporter import Exporter
from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.exporters import BUNDLE, EXPORTERS, export_files
from scitrain.exporters._verify import Reference, verify
from scitrain.exporters.onnx import Onnx
from scitrain.inference import load_model, load_predictor
from scitrain.inference.backends import OUTPUTS, Compute, torch_compute
from scitrain.inference.files import read_config
from scitrain.models.mlp import Mlp
from scitrain.models.rnn import Rnn
from scitrain.runs import Run
from scitrain.training.predictor import Predictor

Exported = Callable[[str], Run]
FORMATS = sorted(set(EXPORTERS) - {"aoti"})
"""aoti compiles for half a minute; see test_cpp."""


def features(run: Run, trained: ModuleType, n: int) -> np.ndarray:
    x, _ = read_config(run).featuriser_object().transform({"formula": trained.FORMULAS[:n]})
    return np.asarray(x)


def test_the_formats_are_these() -> None:
    assert [*EXPORTERS] == ["aoti", "cpp", "onnx", "safetensors", "torch_export", "torchscript"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("n", [1, 2, 37])
def test_every_format_equals_torch_for_any_batch_size(
    name: str, n: int, exported: Exported, trained: ModuleType
) -> None:
    run = exported("regression")
    predictor = load_predictor(run)
    x = features(run, trained, n)
    found = EXPORTERS[name].load(run.path / "models" / EXPORTERS[name].filename, predictor)(x)
    for ours, torchs in zip(found, torch_compute(predictor)(x), strict=True):
        assert ours.shape == torchs.shape
        np.testing.assert_allclose(ours, torchs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_onnx_equals_torch_for_every_task(task: str, exported: Exported, trained: ModuleType) -> None:
    run = exported(task)
    by_torch, by_onnx = (
        load_model(run, backend).predict({"formula": trained.FORMULAS}) for backend in ("torch", "onnx")
    )
    np.testing.assert_allclose(by_onnx.prediction, by_torch.prediction, atol=1e-5)
    assert by_onnx.sets is not None
    assert by_torch.sets is not None
    assert (by_onnx.sets == by_torch.sets).mean() > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "members"),
    [(Mlp(widths=[8], norm="layer", residual=True), 1), (Rnn(cell="lstm"), 1), (Rnn(cell="gru"), 2)],
)
def test_other_networks_can_be_exported_in_every_format(
    model: ModelSpec, members: int, tmp_path: Path, trained: ModuleType
) -> None:
    run = trained.trained_run(tmp_path, "binary", model, members)
    check = export_files(run, run, FORMATS)
    assert all(entry["passed"] for entry in check["formats"].values())  # type: ignore[union-attr,index,call-overload]


def test_the_check_says_for_each_format_what_was_compared(exported: Exported) -> None:
    run = exported("regression")
    check = run.read_json("models/export_check.json")
    assert check["rows"] == 25
    assert sorted(check["formats"]) == sorted([*FORMATS, BUNDLE])
    for name in FORMATS:
        entry = check["formats"][name]
        assert entry["passed"] is True
        assert entry["max_difference"] <= entry["tolerance"] == EXPORTERS[name].tolerance
        assert entry["rows"] == 25
        assert entry["bytes"] == (run.path / entry["file"]).stat().st_size
        assert set(entry["latency_ms"]) == set(entry["torch_latency_ms"]) == {"1", "256"}
        assert min(entry["latency_ms"].values()) > 0
    assert check["formats"]["onnx"]["opset"] >= 18


def test_the_onnx_file_names_its_ends_carries_its_weights_and_says_what_it_is(exported: Exported) -> None:
    run = exported("regression")
    model = onnx.load(run.path / "models/model.onnx", load_external_data=False)
    assert [i.name for i in model.graph.input] == ["rows"]
    assert [o.name for o in model.graph.output] == list(OUTPUTS)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["run_id"] == run.id
    assert json.loads(facts["targets"])[0] == {"name": "energy", "unit": "eV", "classes": None}
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node), "folded into the layers"


def test_exporting_says_nothing_on_standard_output(
    tmp_path: Path, trained: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    run = trained.trained_run(tmp_path, "binary", Mlp(widths=[4]), 1)
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        export_files(run, run, ["onnx", "torchscript"])
    assert capfd.readouterr() == ("", "")
    assert not caught


def test_an_export_run_of_its_own_can_be_predicted_with(exported: Exported, trained: ModuleType) -> None:
    source = exported("regression")
    run = Run.create("export_model", {}, source.workspace, [source.id])
    export_files(source, run, ["onnx"])
    columns = {"formula": trained.FORMULAS[:5]}
    theirs, ours = load_model(source, "onnx").predict(columns), load_model(run, "onnx").predict(columns)
    np.testing.assert_array_equal(ours.prediction, theirs.prediction)
    np.testing.assert_array_equal(ours.distance, theirs.distance)
    assert (run.path / "models/export_check.json").is_file()


class Wrong(Onnx):
    """An exporter whose file predicts something else."""

    format: ClassVar[str] = "wrong"
    filename: ClassVar[str] = "wrong.onnx"

    def load(self, source: Path, predictor: Predictor) -> Compute:
        compute = super().load(source, predictor)
        return lambda x: tuple(part + 0.01 for part in compute(x))


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXPORTERS, "wrong", Wrong())


@pytest.mark.usefixtures("wrong")
def test_a_file_that_does_not_predict_what_torch_predicts_is_refused_and_removed(exported: Exported) -> None:
    source = exported("regression")
    run = Run.create("export_model", {}, source.workspace)
    with pytest.raises(ScitrainError, match=r"wrong export .* does not predict what torch predicts: .* differs by"):
        export_files(source, run, ["wrong"])
    assert not list((run.path / "models").glob("*wrong.onnx"))
    assert run.read_json("models/export_check.json")["formats"]["wrong"]["passed"] is False


def test_a_difference_is_measured_in_the_spread_of_the_outputs(exported: Exported, trained: ModuleType) -> None:
    """The same relative error passes or fails alike whether a target is in eV or in µeV."""
    run = exported("regression")
    x = features(run, trained, 20)
    predictor = load_predictor(run)
    predictor.shift.zero_()
    found = []
    for unit in (1.0, 1e6):
        predictor.scale.fill_(unit)
        reference = Reference.of(predictor, x, "regression")
        path = run.path / "models/model.onnx"
        found.append(verify(Shifted(1e-3 * unit, predictor), path, predictor, reference))
    assert found[0]["passed"] is found[1]["passed"] is False
    assert found[0]["max_difference"] == pytest.approx(found[1]["max_difference"], rel=1e-2)


class Shifted(Exporter):
    """Torch itself, with something added to every prediction."""

    format: ClassVar[str] = "shifted"
    filename: ClassVar[str] = "shifted"

    def __init__(self, by: float, predictor: Predictor) -> None:
        self.by, self.compute = by, torch_compute(predictor)

    def export(self, predictor: Predictor, example: np.ndarray, target: Path) -> dict[str, str | int]:
        return {}

    def load(self, source: Path, predictor: Predictor) -> Compute:
        def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
            prediction, spread, representation = self.compute(x)
            return prediction + self.by, spread, representation

        return compute


def test_an_unknown_format_is_named_with_its_neighbour(exported: Exported) -> None:
    run = exported("regression")
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        export_files(run, run, ["onxx"])


def test_a_run_without_test_predictions_says_so(tmp_path: Path, trained: ModuleType) -> None:
    run = trained.trained_run(tmp_path, "binary", Mlp(widths=[4]), 1)
    (run.path / "results/predictions.csv").unlink()
    with pytest.raises(ScitrainError, match=r"no results/predictions.csv"):
        export_files(run, run, ["safetensors"])
    assert export_files(run, run, ["safetensors"], rows=features(run, trained, 3))["rows"] == 3


def test_declaring_the_exporters_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, scitrain.exporters, scitrain.inference;"
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'pyarrow', 'sklearn', 'scipy', 'rdkit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
