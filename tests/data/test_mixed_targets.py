"""Numbers and classes that are learned together."""

from pathlib import Path

import numpy as np
import pytest

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.data.slots import own_labels
from scitrain.errors import DataError, ScitrainError, UnknownNameError
from scitrain.workspace import Workspace

KINDS = ("soft", "hard", "brittle")


def table(workspace: Workspace, **options: object) -> Prepared:
    path = Path(workspace.root) / "t.csv"
    rows = [
        f"{i * 7919 % 97},{'' if i % 5 == 0 else i * 0.5},{'' if i % 7 == 0 else i % 2},{'' if i % 3 == 0 else KINDS[i % 4 % 3]}"
        for i in range(120)
    ]
    path.write_text("\n".join(["x,energy,stable,kind", *rows, "500,,,"]) + "\n")
    given = {"data": str(path), "target": ["energy", "stable", "kind"], **options}
    return prepare(DataOptions.model_validate(given), workspace)


def test_numbers_and_classes_each_become_what_they_are(workspace: Workspace) -> None:
    found = table(workspace, unit={"energy": "eV"})
    assert found.task == "mixed"
    assert [(slot.name, slot.task, slot.start, slot.end) for slot in found.slots] == [
        ("energy", "regression", 0, 1),
        ("stable", "binary", 1, 2),
        ("kind", "multiclass", 2, 5),
    ]
    assert found.n_outputs == 5
    assert [target.unit for target in found.targets] == ["eV", None, None]
    assert found.targets[2].classes == ("brittle", "hard", "soft")
    [why] = [decision.why for decision in found.decisions if decision.what == "task"]
    assert "energy has" in why
    assert "kind has 3 different words" in why


def test_a_missing_label_stays_missing_and_costs_no_row(workspace: Workspace) -> None:
    found = table(workspace, duplicates="keep")
    assert found.report["rejected"] == {"has no label": 3}
    assert np.isnan(found.y).any(axis=0).all()
    assert own_labels(found.slots[2], found.y, 2).ndim == 1
    assert own_labels(found.slots[1], found.y, 1).shape == (len(found.y), 1)


def test_numbers_among_several_stay_numbers_unless_asked_otherwise(workspace: Workspace) -> None:
    path = Path(workspace.root) / "u.csv"
    path.write_text("\n".join(["x,grade,mass", *(f"{i * 31 % 101},{i % 4},{i * 0.3}" for i in range(100))]) + "\n")
    given = {"data": str(path), "target": ["grade", "mass"]}
    assert prepare(DataOptions.model_validate(given), workspace).task == "regression"
    asked = prepare(DataOptions.model_validate(given | {"task": {"grade": "multiclass"}}), workspace)
    assert asked.task == "mixed"
    assert asked.targets[0].classes == ("0", "1", "2", "3")


def test_a_task_of_a_column_that_is_no_target_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="stable"):
        table(workspace, task={"stabel": "binary"})


def test_one_target_is_not_mixed(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="several targets"):
        table(workspace, target="energy", task="mixed")


def test_free_text_among_the_targets_names_its_column(workspace: Workspace) -> None:
    path = Path(workspace.root) / "v.csv"
    path.write_text("\n".join(["x,note,mass", *(f"{i * 31 % 101},words {i},{i * 0.3}" for i in range(60))]) + "\n")
    with pytest.raises(ScitrainError, match="'note' holds text"):
        prepare(DataOptions.model_validate({"data": str(path), "target": ["note", "mass"]}), workspace)


def test_rows_of_one_input_merge_numbers_by_their_mean_and_classes_by_majority(workspace: Workspace) -> None:
    path = Path(workspace.root) / "w.csv"
    rows = [f"{i},{i * 0.5},{'ab'[i % 2]}" for i in range(60)]
    path.write_text("\n".join(["x,mass,kind", *rows, "0,4,b", "0,2,b"]) + "\n")
    found = prepare(DataOptions.model_validate({"data": str(path), "target": ["mass", "kind"]}), workspace)
    first = found.rows.tolist().index(1)
    assert found.y[first].tolist() == [2.0, 1.0]
    assert any("mean of numbers, majority of classes" in r for r in str(found.report["rejected_examples"]).split("; "))


def test_each_split_has_its_share_of_the_rarest_class(workspace: Workspace) -> None:
    found = table(workspace, split="stratified")
    rare = found.y[:, 2] == 0
    assert all(rare[rows].any() for rows in found.split.values())
