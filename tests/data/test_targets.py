"""Labels as laboratories write them."""

from pathlib import Path

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.workspace import Workspace


def prepared(workspace: Workspace, **options: object) -> Prepared:
    path = Path(workspace.root) / "t.csv"
    rows = [f'{i * 7919 % 97},{i * 0.5} %,"{1000 + i * i:,}"' for i in range(40)]
    path.write_text("\n".join(["x,share,mass", *rows]) + "\n")
    return prepare(DataOptions.model_validate({"data": str(path), **options}), workspace)


def test_percentages_are_labels_in_percent(workspace: Workspace) -> None:
    found = prepared(workspace, target="share", ignore=["mass"])
    assert found.task == "regression"
    assert found.targets[0].unit == "%"
    assert found.y.max() == 19.5


def test_a_unit_that_was_said_stands_before_the_sign(workspace: Workspace) -> None:
    assert prepared(workspace, target="share", unit="wt%").targets[0].unit == "wt%"


def test_thousands_separators_are_read_and_this_is_said(workspace: Workspace) -> None:
    found = prepared(workspace, target="mass")
    assert found.y.max() == 1000 + 39 * 39
    assert any("thousands separators" in decision.why for decision in found.decisions if decision.what == "task")
