import csv
from types import ModuleType

import pytest

from scitrain.cli import main
from scitrain.inference import TrainedConfig
from scitrain.operations.predict import Predict
from scitrain.runs import Run
from scitrain.workflow.to_label import TO_LABEL
from scitrain.workspace import Workspace


@pytest.fixture
def source(trained: ModuleType, workspace: Workspace) -> Run:
    run: Run = trained.trained_run(workspace.root, "multiclass")
    return run


def table_of(done, workspace: Workspace) -> list[dict[str, str]]:
    path = Run.open(done.run_id, workspace).path / TO_LABEL
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(workspace: Workspace, formulas: list[str], name: str) -> str:
    (workspace.root / name).write_text(
        "\n".join(["note,formula", *(f"n{i},{f}" for i, f in enumerate(formulas))]) + "\n"
    )
    return name


def test_rows_worth_a_label_are_proposed_with_their_inputs_predictions_and_reasons(
    source: Run, workspace: Workspace, trained: ModuleType
) -> None:
    formulas = [*trained.FORMULAS[:30], "CuZn", "CuZn", "not a formula(", "SiC", "BN", "GaAs"]
    done = Predict(run=source.id, data=write(workspace, formulas, "pool.csv"), to_label=8).run(workspace)
    rows = table_of(done, workspace)
    assert [row["label_rank"] for row in rows] == [str(i) for i in range(1, 9)]
    values = [float(row["label_value"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert [row["formula"] for row in rows] == [formulas[int(row["row"]) - 1] for row in rows]
    assert all(row["system_predicted"] and row["note"] and "of at most 1" in row["label_reason"] for row in rows)
    assert [row["formula"] for row in rows].count("CuZn") <= 1, "of two equal rows one is enough"
    assert "not a formula(" not in {row["formula"] for row in rows}
    assert done.to_label[0].words() in done.summary()
    assert f"file: {TO_LABEL}" in done.summary()
    assert "add their labels" in done.next_step


def test_order_and_form_of_the_file_change_nothing(source: Run, workspace: Workspace, trained: ModuleType) -> None:
    formulas = trained.FORMULAS[::2]
    found = []
    for name, cells in (("a", formulas), ("b", formulas[::-1])):
        for output in (f"{name}.csv", f"{name}.parquet"):
            asked = {"data": write(workspace, cells, f"pool_{name}.csv"), "output": output, "to_label": 5}
            done = Predict(run=source.id, **asked).run(workspace)
            found.append([row.inputs["formula"] for row in done.to_label])
    given = Predict(run=source.id, inputs=formulas, to_label=5).run(workspace)
    assert all(one == found[0] for one in found)
    assert [row.inputs["formula"] for row in given.to_label] == found[0]


def test_nothing_is_proposed_unasked_and_of_bad_rows_alone(source: Run, workspace: Workspace) -> None:
    plain = Predict(run=source.id, inputs=["CuZn"]).run(workspace)
    assert plain.to_label == []
    assert not (Run.open(plain.run_id, workspace).path / TO_LABEL).exists()
    bad = Predict(run=source.id, inputs=["no formula(", ""], to_label=3).run(workspace)
    assert bad.to_label == []
    assert table_of(bad, workspace) == []


def test_the_command_line_proposes_too(source: Run, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--run", source.id, "--inputs", "CuZn", "SiC", "--to-label", "1"]) == 0
    assert "label next:\n1. row" in capsys.readouterr().out


def test_a_single_network_without_a_spread_says_that_it_cannot_tell(workspace: Workspace, trained: ModuleType) -> None:
    source = trained.trained_run(workspace.root, "regression", members=1)
    assert not TrainedConfig.model_validate_json((source.path / "models/config.json").read_text()).tells_spread
    done = Predict(run=source.id, inputs=["CuZn", "SiC"], to_label=1).run(workspace)
    assert done.to_label[0].reason.startswith("one network, which does not say how sure it is; ")
