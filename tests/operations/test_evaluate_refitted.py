import json

import numpy as np
import pytest

import scitrain
from scitrain.errors import ScitrainError
from scitrain.workspace import Workspace

RNG = np.random.default_rng(2)


@pytest.fixture
def refitted(workspace: Workspace) -> scitrain.Run:
    rows = (f"{a},{b},{a + b * b + RNG.normal(scale=0.1)}" for a, b in RNG.normal(size=(120, 2)))
    (workspace.root / "table.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
    asked = {"epochs": 2, "ensemble": 1, "export": [], "refit": True, "model": {"family": "mlp", "widths": [8]}}
    done = scitrain.TrainModel(data="table.csv", target="y", **asked).run(workspace=workspace)
    return scitrain.Run.open(done.run_id, workspace)


def test_a_model_that_saw_its_validation_rows_is_judged_by_the_intervals_of_before(refitted: scitrain.Run) -> None:
    found = scitrain.EvaluateModel(run=refitted.id).run(workspace=refitted.workspace)
    again = scitrain.Run.open(found.run_id, refitted.workspace)
    for name in ("predictions.csv", "metrics.json"):
        told = [json.dumps(run.file(f"results/{name}").read_text(encoding="utf-8")) for run in (refitted, again)]
        assert name == "metrics.json" or told[0] == told[1]
    with pytest.raises(ScitrainError, match="leave coverage out"):
        scitrain.EvaluateModel(run=refitted.id, coverage=0.5).run(workspace=refitted.workspace)
