"""A training that cannot go well ends as a failed run with its reason, and leaves nothing half-written."""

from pathlib import Path
from typing import Any

import pytest

from scitrain.reconcile import current
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace

ROWS = [f"{i * 37 % 41 / 7:.4f},{'ab'[i % 2]},{i * 1.7 % 13:.3f}" for i in range(36)]
LONGEST_WAIT_S = 45
MOST_WAITS = 4
"""A worker imports torch first, which may take its time on a machine that does much else."""


@pytest.fixture
def table(workspace: Workspace) -> str:
    (workspace.root / "t.csv").write_text("\n".join(["x,kind,y", *ROWS]) + "\n")
    return "t.csv"


def ended(ask, answer) -> dict[str, Any]:
    """Return the record of a training that was refused here, or of one that a worker fails in a moment."""
    if not answer.value:
        return {"status": "failed", "error": answer.error}
    for _ in range(MOST_WAITS):
        found: dict[str, Any] = ask("get_run", run_id=answer.value["run_id"], wait_s=LONGEST_WAIT_S).value
        if found["status"] not in ("queued", "running"):
            break
    return found


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"target": "kind", "task": "regression"}, "regression needs numbers in 'kind', but line 2 holds 'a'"),
        ({"target": "y", "model": "cnn"}, "model family 'cnn' reads image, but tabular data give vector"),
    ],
    ids=["text where numbers were said", "a network of images for a table"],
)
def test_a_training_that_cannot_go_well_is_recorded_as_failed(
    workspace: Workspace, table: str, ask, earlier: Path, request_: dict[str, str], said: str
) -> None:
    found = ended(ask, ask("train_model", data=table, **request_))
    assert found["status"] == "failed"
    assert said in found["error"]
    [run_id] = [name for name in run_ids(workspace) if name != earlier.name]
    run = Run.open(run_id, workspace)
    record = current(run)
    assert record.status == "failed"
    assert said in (record.error or "")
    assert not run.alive()
    assert not list(run.path.rglob("*.tmp"))
    assert not (run.path / "models").exists()
    assert (earlier / "MODEL_CARD.md").read_text() == "# an earlier model"


def test_unknown_options_are_refused_before_any_run_is_made(workspace: Workspace, table: str, ask) -> None:
    assert "epohcs" in ask("train_model", data=table, epohcs=3).error
    assert "'mlp'" in ask("train_model", data=table, model="mpl").error
    assert "did you mean 'onnx'?" in ask("train_model", data=table, export=["onx"]).error
    assert run_ids(workspace) == []
