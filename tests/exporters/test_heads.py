"""Files and bundles of networks that say how sure they are: the ends of their intervals are torch's."""

import json

import numpy as np
import onnx
import pytest

from scitrain.exporters import export_files
from scitrain.inference import load_model, read_config
from scitrain.runs import Run

FORMULAS = {"formula": ["Fe2O3", "NaCl", "Li2CuO4", "MgTiO3"]}


@pytest.mark.parametrize(
    ("head", "formats"),
    [("gaussian", ["onnx", "torchscript"]), ("quantile", ["onnx", "bundle"])],
)
def test_every_format_gives_the_intervals_of_torch(head, formats, tmp_path, trained) -> None:
    run: Run = trained.trained_run(tmp_path, head=head)
    check = export_files(run, run, formats)
    assert all(entry["passed"] for entry in check["formats"].values())  # type: ignore[union-attr,call-overload,index]
    ours, theirs = (load_model(run, backend).predict(FORMULAS) for backend in ("torch", "onnx"))
    for name in ("prediction", "spread", "low", "high"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-4, atol=1e-4)
    assert (ours.low < ours.high).all()
    model = onnx.load(run.path / "models/model.onnx")
    named = [output.name for output in model.graph.output]
    assert named == ["prediction", "spread", "representation", *(["ends"] if head == "quantile" else [])]
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["conformal"]) == read_config(run).conformal
    assert load_model(run, "torch").predict({"formula": []}).low is not None
