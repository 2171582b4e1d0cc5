"""The figures of benchmarks/, held loosely on one split each; python -m benchmarks measures them in earnest."""

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("SCITRAIN_BENCHMARK_DATA")
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not FOLDER, reason="SCITRAIN_BENCHMARK_DATA names no folder with the public data sets"),
]


@pytest.fixture(scope="module")
def data():
    return Path(str(FOLDER)).resolve()


def trained(data, name, target, split):
    training = pytest.importorskip("benchmarks._training", reason="benchmarks/ is not installed")
    return training.train({"data": str(data / f"{name}.csv"), "target": target, "split": split, "export": []})


SCAFFOLD = {"kind": "column", "column": "split"}


def test_solubility_of_new_scaffolds_is_predicted_better_than_by_a_forest(data):
    found = trained(data, "esol", "logSolubility", SCAFFOLD)
    forest = found.baseline("rmse", "random forest")
    assert found.value("rmse")["value"] < min(0.85, forest["value"])


def test_blood_brain_barrier_of_new_scaffolds_is_predicted_about_as_well_as_is_published(data):
    assert trained(data, "bbbp", "p_np", SCAFFOLD).value("auroc")["value"] > 0.68


def test_measured_band_gaps_are_predicted_better_than_by_a_forest(data):
    found = trained(data, "matbench_expt_gap", "gap_expt", {"kind": "column", "column": "fold", "fold": 0})
    assert found.value("mae")["value"] < found.baseline("mae", "random forest")["value"]


def test_formation_enthalpies_of_new_systems_are_predicted_better_than_by_a_forest():
    training = pytest.importorskip("benchmarks._training", reason="benchmarks/ is not installed")
    found = training.train({"data": "builtin:formation-enthalpy", "export": []})
    assert found.value("mae")["value"] < found.baseline("mae", "random forest")["value"]
