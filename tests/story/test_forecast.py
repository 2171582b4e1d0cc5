"""A long table is trained on, forecast from and judged again by naming the file alone."""

from pathlib import Path

import numpy as np
import pytest

import scitrain
from scitrain.runs import Run
from scitrain.workspace import Workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run]:
    """Return the run of a forecast of a week's rhythm."""
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    start, chance = np.datetime64("2024-01-01"), np.random.default_rng(0)
    rows = [f"{start + i},{20 + 5 * np.sin(i * 2 * np.pi / 7) + chance.normal(0, 0.3):.3f}" for i in range(260)]
    (workspace.root / "load.csv").write_text("\n".join(["date,load", *rows]) + "\n")
    request = scitrain.TrainModel(
        data="load.csv", target="load", unit="MW", series={"horizon": 3, "window": 14}, epochs=20, ensemble=2, export=[]
    )
    result = request.run(workspace)
    return workspace, Run.open(result.run_id, workspace)


def test_the_forecast_beats_the_last_value_and_says_how_it_was_split(trained: tuple[Workspace, Run]) -> None:
    _, run = trained
    metrics = run.read_json("results/metrics.json")
    [rmse] = [
        row
        for row in metrics["metrics"]
        if row["name"] == "rmse" and row["target"] == "load+1" and row["split"] == "test"
    ]
    assert rmse["value"] < rmse["baselines"]["last value"]["value"]
    assert rmse["unit"] == "MW"
    decisions = {one.what: one for one in run.record().decisions}
    assert decisions["split"].value == "time"
    assert "long table" in decisions["reading"].why


def test_what_follows_the_file_is_forecast(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    found = scitrain.Predict(run=run.id, data="load.csv", backend="torch").run(workspace)
    [row] = found.predictions
    said = np.array([target.value for target in row.predictions], dtype=float)
    truth = 20 + 5 * np.sin(np.arange(260, 263) * 2 * np.pi / 7)
    assert [target.target for target in row.predictions] == ["load+1", "load+2", "load+3"]
    assert np.abs(said - truth).max() < 2.5


def test_a_window_is_forecast_from_inline(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    window = " ".join(f"{20 + 5 * np.sin(i * 2 * np.pi / 7):.2f}" for i in range(14))
    found = scitrain.Predict(run=run.id, inputs=[window, "1 2 3"], backend="torch").run(workspace)
    assert found.predictions[0].error is None
    assert found.predictions[1].error == "has 3 values where 14 are read"


def test_new_data_of_the_same_form_are_judged(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    lines = (workspace.root / "load.csv").read_text().splitlines()
    (workspace.root / "new.csv").write_text("\n".join([lines[0], *lines[201:]]) + "\n")
    found = scitrain.EvaluateModel(run=run.id, data="new.csv").run(workspace)
    assert found.rows == 60 - 14 - 3 + 1
    assert Path(run.path / "figures/parity.png").is_file()


def test_the_suggested_request_reads_the_file_alike(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    asked = {"data": "load.csv", "target": "load", "series": {"horizon": 3, "window": 14}}
    seen = scitrain.InspectDataset.model_validate(asked).run(workspace)
    assert seen.train_model is not None
    again = scitrain.InspectDataset.model_validate(seen.train_model).run(workspace)
    assert again.split == seen.split
