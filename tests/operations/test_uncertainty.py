"""From a request for a head, or for MC dropout, to intervals that are compared, in the operations that a person calls."""

import csv
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import scitrain
from scitrain.errors import ScitrainError
from scitrain.evaluation.problem import Problem
from scitrain.inference import load_predictor, read_config
from scitrain.workflow.again import prepared_again
from scitrain.workflow.network import represented
from scitrain.workflow.ways import uncertainty, words
from scitrain.workspace import Workspace

RNG = np.random.default_rng(3)
QUICK = {"epochs": 3, "ensemble": 2, "export": [], "model": {"family": "mlp", "widths": [8], "dropout": 0.2}}


def train(workspace: Workspace, header: str, rows: list[str], **asked: object) -> scitrain.Run:
    (workspace.root / "table.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    done = scitrain.TrainModel.model_validate({"data": "table.csv"} | QUICK | asked).run(workspace=workspace)
    return scitrain.Run.open(done.run_id, workspace)


def numbers(n: int = 160) -> list[str]:
    a, b = RNG.normal(size=(2, n))
    y = a + 0.3 * RNG.normal(size=n)
    return [f"{a[i]},{b[i]},{y[i]},{'' if i % 3 == 0 else a[i] * b[i]}" for i in range(n)]


def table(run: scitrain.Run, path: str = "results/predictions.csv") -> list[dict[str, str]]:
    with (run.path / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_two_targets_with_missing_labels_get_quantiles_and_a_comparison(workspace: Workspace) -> None:
    run = train(workspace, "a,b,y,z", numbers(), target=["y", "z"], loss="quantile", unit="eV")
    config = run.read_json("models/config.json")
    assert (config["head"], config["conformal"]["kind"]) == ("quantile", "quantiles")
    for row in table(run):
        for name in "yz":
            assert float(row[f"{name}_low"]) <= float(row[f"{name}_predicted"]) <= float(row[f"{name}_high"])
    found = scitrain.EvaluateModel(run=run.id, mc_dropout=4).run(workspace=workspace)
    judged = scitrain.Run.open(found.run_id, workspace)
    assert [line.split(" by ")[1].split(":")[0] for line in found.uncertainty] == [
        "quantile head", "constant width", "one network", "MC dropout",
    ]  # fmt: skip
    told = judged.read_json("results/uncertainty.json")
    own = {(m["name"], m["target"], m["split"]): m["value"] for m in told["ways"][0]["metrics"]}
    for row in judged.read_json("results/metrics.json")["metrics"]:
        if row["name"] in ("interval_score", "coverage", "interval_width"):
            assert own[row["name"], row["target"], "test"] == pytest.approx(row["value"], rel=1e-5)
    assert (judged.path / "figures/uncertainty.png").read_bytes().startswith(b"\x89PNG")


def test_mc_dropout_calibrates_itself_and_each_row_is_its_own(workspace: Workspace) -> None:
    run = train(workspace, "a,b,y", [row.rpartition(",")[0] for row in numbers()], target="y")
    rows = [{"a": 0.1 * i, "b": 1.0} for i in range(6)]

    def say(inputs: list[dict[str, float]], **asked: object) -> list[tuple[float | None, ...]]:
        request = scitrain.Predict.model_validate({"run": run.id, "inputs": inputs} | asked)
        return [(p.value, p.low, p.high) for r in request.run(workspace=workspace).predictions for p in r.predictions]  # type: ignore[misc]

    plain, many = say(rows), say(rows, mc_dropout=8)
    assert many == say(rows, mc_dropout=8)
    np.testing.assert_allclose(np.array(many[::-1], float), np.array(say(rows[::-1], mc_dropout=8), float), rtol=1e-5)
    assert all(low < value < high for value, low, high in many)  # type: ignore[operator]
    assert many != plain


def test_classes_are_compared_with_and_without_temperature(workspace: Workspace) -> None:
    a = RNG.normal(size=160)
    label = np.where(a + RNG.normal(size=160) > 0, "yes", "no")
    run = train(workspace, "a,y", [f"{x},{word}" for x, word in zip(a, label, strict=True)], target="y")
    prepared = prepared_again(run, run)
    problem = Problem(prepared.task, prepared.targets, resamples=200)
    x = represented(prepared, read_config(run).featuriser_object(), run)
    for passes, ways in ((3, 4), (0, 3)):
        found = uncertainty(run, prepared, x, load_predictor(run), problem, passes)
        assert [way.used for way in found.ways] == [True, *[False] * (ways - 1)]
        assert {curve.by for curve in found.ways[0].sparsification} == {"entropy", "mutual information"}
        assert "log loss" in words(found)[0]
        assert ("MC dropout was left out (mc_dropout=0)" in words(found)) == (passes == 0)
    said = scitrain.Predict(run=run.id, inputs=[2.0, -2.0], mc_dropout=5).run(workspace=workspace)
    assert [p.predictions[0].value for p in said.predictions] == ["yes", "no"]
    assert all(p.predictions[0].candidates for p in said.predictions)


def test_what_cannot_be_is_refused_with_what_to_do(trained, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="mc_dropout needs torch"):
        scitrain.Predict(run="x", inputs=["Fe"], mc_dropout=3, backend="onnx")
    run = trained.trained_run(tmp_path / "other")
    with pytest.raises(ScitrainError, match="knows no validation rows"):
        scitrain.Predict(run=run.id, inputs=["Fe2O3"], mc_dropout=3).run(workspace=run.workspace)
