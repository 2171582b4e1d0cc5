"""A search that makes no sense is refused alike through Python, command line and client, and leaves no run."""

import json
from pathlib import Path

import pytest

from scitrain.runs import run_ids
from scitrain.workspace import Workspace

CLOSED = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def table(workspace: Workspace) -> str:
    (workspace.root / "t.csv").write_text("\n".join(["x,y", *(f"{i},{i * 1.7 % 13:.3f}" for i in range(40))]) + "\n")
    return "t.csv"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"n_trials": 0}, "greater than or equal to 1"),
        ({"search": {"dropout": {"low": 0.5, "high": 0.1}}}, "low=0.5 must lie below high=0.1"),
        ({"search": {"droput": {"low": 0.1, "high": 0.5}}}, "no parameter named 'droput'; did you mean 'dropout'?"),
        ({"search": {"dropout": {"low": 0.1, "high": 7}}, "model": "mlp"}, "less than 1"),
        ({"search": {"cell": None}, "model": "mlp"}, "no parameter named 'cell'"),
        ({"search": {"epochs": {"low": 1, "high": 9}}}, "no parameter named 'epochs'"),
        ({"sampler": "bayes"}, "'tpe', 'cmaes', 'random' or 'grid'"),
        ({"study": "another"}, "give storage too"),
        ({"storage": "mysql://a@b/c"}, "no PostgreSQL URL"),
        ({"storage": "postgresql://a:b@c/d"}, "holds a password"),
        ({"data": "nowhere.csv"}, "no file or folder 'nowhere.csv'"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    workspace: Workspace, table: str, ask, earlier: Path, request_, said
) -> None:
    arguments = {"data": table} | request_
    if ask.func.__name__ == "ask_command_line":
        arguments = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in arguments.items()}
    assert said in ask("tune_hyperparameters", **arguments).error
    assert run_ids(workspace) == [earlier.name]


def test_a_database_that_cannot_be_reached_is_told_before_anything_is_trained(
    workspace: Workspace, table: str, ask, monkeypatch
) -> None:
    monkeypatch.setattr("scitrain.tuning.storage.find_spec", lambda name: name)
    assert "cannot be reached" in ask("tune_hyperparameters", data=table, storage=CLOSED).error
    assert run_ids(workspace) == []
