"""The figures of benchmarks/, held loosely on one split each; python -m benchmarks measures them in earnest."""

import importlib
import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("SCITRAIN_BENCHMARK_DATA")
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not FOLDER, reason="SCITRAIN_BENCHMARK_DATA names no folder with the public data sets"),
]


@pytest.fixture
def train(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return importlib.import_module("benchmarks._training").train


def public(name, target, split):
    return {"data": str(Path(str(FOLDER)).resolve() / f"{name}.csv"), "target": target, "split": split, "export": []}


SCAFFOLD = {"kind": "column", "column": "split"}


def test_solubility_of_new_scaffolds_is_predicted_better_than_by_a_forest(train):
    found = train(public("esol", "logSolubility", SCAFFOLD))
    assert found.value("rmse")["value"] < min(0.85, found.baseline("rmse", "random forest")["value"])


def test_passage_of_the_blood_brain_barrier_is_predicted_about_as_well_as_is_published(train):
    assert train(public("bbbp", "p_np", SCAFFOLD)).value("auroc")["value"] > 0.68


def test_measured_band_gaps_are_predicted_better_than_by_a_forest(train):
    found = train(public("matbench_expt_gap", "gap_expt", {"kind": "column", "column": "fold", "fold": 0}))
    assert found.value("mae")["value"] < found.baseline("mae", "random forest")["value"]


def test_formation_enthalpies_of_new_systems_are_predicted_better_than_by_a_forest(train):
    found = train({"data": "builtin:formation-enthalpy", "export": []})
    assert found.value("mae")["value"] < found.baseline("mae", "random forest")["value"]
