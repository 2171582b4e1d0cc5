"""Columns that a file does not have are refused by the call itself, with the near name, on every face, and leave no run."""

import json
from typing import Any

import pytest

from scitrain.runs import run_ids
from scitrain.workspace import Workspace

HEAD = "sample_id,time,value,label"
ROWS = [f"s{s},{t},{(s + 1) * (t + 1) % 37},{'ab'[s % 2]}" for s in range(12) for t in range(6)]


@pytest.fixture
def table(workspace: Workspace) -> str:
    (workspace.root / "t.csv").write_text("\n".join([HEAD, *ROWS]) + "\n")
    return "t.csv"


@pytest.mark.parametrize("name", ["train_model", "tune_hyperparameters"])
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"target": "lable"}, "no column named 'lable'; did you mean 'label'?"),
        ({"target": "label", "inputs": ["valu"]}, "no column named 'valu'; did you mean 'value'?"),
        ({"target": "label", "ignore": ["tim"]}, "no column named 'tim'; did you mean 'time'?"),
        ({"target": "label", "split": {"kind": "column", "column": "tme"}}, "no column named 'tme'; did you mean 'time'?"),
        ({"target": "label", "split": "time"}, "split kind 'time' needs `column`"),
        ({"target": "label", "series": {"id": "sample", "time": "time"}}, "no column named 'sample'; did you mean 'sample_id'?"),
        ({"target": "label", "series": {"id": "sample_id", "time": "t"}}, "no column named 't'"),
        ({"target": "label", "inputs": ["label"]}, "column label is given both as target and as input"),
        ({"target": "label", "modality": "serie"}, "no modality named 'serie'; did you mean 'series'?"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_refused_before_a_run_is_made(
    workspace: Workspace, table: str, ask, name: str, request_: dict[str, Any], said: str
) -> None:
    if ask.func.__name__ == "ask_command_line":
        request_ = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in request_.items()}
    assert said in ask(name, data=table, **request_).error
    assert run_ids(workspace) == []


def test_a_parquet_file_is_asked_for_its_columns_too(workspace: Workspace, ask) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"dose": [1.0, 2.0], "effect": [0.1, 0.3]}), workspace.root / "t.parquet")
    assert "did you mean 'effect'?" in ask("train_model", data="t.parquet", target="efect").error
    (workspace.root / "bad.parquet").write_bytes(b"PAR1" + b"\0" * 40)
    assert "is no readable Parquet file" in ask("train_model", data="bad.parquet", target="y").error
    assert run_ids(workspace) == []
