"""A model of numbers and classes outside of scitrain."""

import json
from collections.abc import Callable

import numpy as np
import onnx

from scitrain.data.options import Task
from scitrain.inference import load_model
from scitrain.runs import Run

FORMULAS = {"formula": ["Fe2O3", "NaCl", "Li2CuO4", "MgTiO3"]}


def test_file_and_bundle_say_of_each_target_what_torch_says(exported: Callable[[Task], Run]) -> None:
    run = exported("mixed")
    check = run.read_json("models/export_check.json")["formats"]
    assert check["onnx"]["passed"]
    assert check["bundle"]["passed"]
    ours, theirs = (load_model(run, backend).predict(FORMULAS) for backend in ("torch", "onnx"))
    for name in ("prediction", "spread", "low", "high"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-4, atol=1e-4)
    assert ours.sets is not None
    assert theirs.sets is not None
    assert (ours.sets == theirs.sets).all()


def test_the_outputs_of_an_onnx_file_are_named_by_target(exported: Callable[[Task], Run]) -> None:
    model = onnx.load(exported("mixed").path / "models/model.onnx")
    told = json.loads({entry.key: entry.value for entry in model.metadata_props}["outputs"])
    assert [output["target"] for output in told] == ["energy", "stable", "system", "system", "system"]
    assert told[0] == {"target": "energy", "prediction": "energy_predicted [eV]", "spread": "energy_spread [eV]"}
    assert told[1]["prediction"] == "stable_probability_yes"
    assert told[4]["prediction"] == "system_probability_other, or none"


def test_a_table_has_an_interval_of_a_number_and_a_set_of_classes(exported: Callable[[Task], Run]) -> None:
    run = exported("mixed")
    header = (run.path / "results/predictions.csv").read_text(encoding="utf-8").splitlines()[0]
    for name in ("energy_low", "energy_spread", "stable_probability_yes", "stable_set", "system_probability_cubic"):
        assert name in header
    assert "stable_low" not in header
