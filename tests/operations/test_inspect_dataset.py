"""What a person learns of a data set before training."""

import json

import pytest

from scitrain.errors import UnknownNameError
from scitrain.operations.inspect_dataset import InspectDataset, Inspection
from scitrain.workspace import Workspace


def inspected(workspace: Workspace, lines: list[str], **options: object) -> Inspection:
    path = workspace.root / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return InspectDataset.model_validate({"data": str(path), **options}).execute(workspace)


def steel(n: int = 60) -> list[str]:
    header = "sample_id,formula,T [K],heat,yield (MPa),phase"
    return [
        header,
        *(f"s{i},Fe{i % 9 + 1}C,{300 + i * 7 % 90},a,{i * 3.7 % 101:.2f},{['bcc', 'fcc'][i % 2]}" for i in range(n)),
    ]


def test_columns_have_types_units_counts_and_notes(workspace: Workspace) -> None:
    found = inspected(workspace, [*steel(), "s99,FeC,abc,a,,bcc"], target="yield (MPa)", modality="tabular")
    columns = {column.name: column for column in found.columns}
    assert (columns["T [K]"].type, columns["T [K]"].unit) == ("integer", "K")
    assert "line 62 'abc'" in columns["T [K]"].note
    assert (columns["yield (MPa)"].type, columns["yield (MPa)"].missing) == ("number", 1)
    assert columns["formula"].type == "formula"
    assert columns["phase"].type == "category"
    assert columns["phase"].examples == ["bcc", "fcc"]
    assert "identifier" in columns["sample_id"].note
    assert "constant" in columns["heat"].note


def test_bad_rows_are_named_by_line_and_counted_by_reason(workspace: Workspace) -> None:
    lines = [*steel(), "s60,Xx2,300,a,1,bcc", "s61,Fe2O3),300,a,1,bcc", "s62,FeC,300,a,oops,bcc", "s63"]
    found = inspected(workspace, lines, target="yield (MPa)", modality="formula", inputs="formula", duplicates="keep")
    assert sorted(problem.line for problem in found.problems) == [62, 63, 64, 65]
    assert sum(found.problem_counts.values()) == 4
    assert found.rows == 64
    assert found.rows_kept == 60
    assert found.rejected_file is not None


def test_train_model_is_ready_to_send(workspace: Workspace) -> None:
    found = inspected(workspace, steel(), target="yield (MPa)", modality="tabular", seed=7)
    assert found.train_model is not None
    arguments = found.train_model
    assert arguments["target"] == "yield (MPa)"
    assert (arguments["task"], arguments["modality"], arguments["unit"], arguments["seed"]) == (
        "regression",
        "tabular",
        "MPa",
        7,
    )
    again = InspectDataset.model_validate(arguments).execute(workspace)
    assert again.rows_kept == found.rows_kept
    assert again.train_model == arguments


def test_an_unsaid_target_blocks_and_lists_the_candidates(workspace: Workspace) -> None:
    found = inspected(workspace, ["a,b,c", *(f"{i}.5,{i * i % 7}.1,{i % 2}" for i in range(30))])
    assert found.train_model is None
    assert "a (number), b (number), c (0/1)" in str(found.blocked)
    assert "not trainable as asked" in found.summary()


def test_several_yes_no_columns_are_proposed_together(workspace: Workspace) -> None:
    metals = ["Li", "Na", "K", "Mg", "Ca", "Fe", "Co", "Ni", "Cu", "Zn"]
    anions = ["O", "S2", "F3", "Cl", "Br2", "I", "Se", "Te3"]
    rows = [f"{m}{x},{i % 2},{i % 3 % 2}" for i, (m, x) in enumerate((m, x) for m in metals for x in anions)]
    found = inspected(workspace, ["formula,metal,magnetic", *rows])
    assert found.train_model is not None
    assert found.train_model["target"] == ["metal", "magnetic"]
    assert found.train_model["task"] == "multilabel"


def test_a_split_column_is_pointed_out(workspace: Workspace) -> None:
    rows = [f"{i * 7 % 31}.5,{i}.25,{'test' if i % 5 == 0 else 'train'}" for i in range(40)]
    found = inspected(workspace, ["x,y,part", *rows], target="y")
    assert next(s for s in found.suggestions if s.what == "split column").value == "part"


def test_class_balance_duplicates_and_leaks_are_told(workspace: Workspace) -> None:
    rows = [f"{i}.5,{'yes' if i < 15 else 'no'},{i * 7 % 5}" for i in range(60)]
    found = inspected(workspace, ["x,good,z", *rows, "0.5,no,0"], target="good")
    (target,) = found.targets
    assert isinstance(target, dict)
    assert target["classes"] == {"no": 45, "yes": 14}
    assert found.duplicates["conflicting"] == 1
    assert any("'x' gives 'good' away" in warning for warning in found.warnings)
    assert found.leaks["same_input_in_two_splits"] == 0


def test_the_distribution_of_a_number_is_told(workspace: Workspace) -> None:
    found = inspected(workspace, steel(), target="yield (MPa)", modality="tabular")
    (target,) = found.targets
    assert isinstance(target, dict)
    assert isinstance(target["quantiles"], dict)
    assert set(target["quantiles"]) == {"0", "0.05", "0.25", "0.5", "0.75", "0.95", "1"}
    assert isinstance(target["histogram"], dict)
    assert sum(target["histogram"]["counts"]) == target["labelled"]  # type: ignore[arg-type]


def test_the_result_is_finite_json_and_the_summary_short(workspace: Workspace) -> None:
    found = inspected(workspace, steel(), target="yield (MPa)", modality="tabular")
    json.loads(found.model_dump_json(), parse_constant=lambda name: pytest.fail(name))
    assert len(found.summary()) < 4000
    assert "next: train_model(" in found.summary()


def test_an_unknown_column_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'phase'"):
        inspected(workspace, steel(), target="phas")


def test_it_leaves_no_run(workspace: Workspace) -> None:
    inspected(workspace, steel(), target="phase")
    assert not workspace.runs.exists()
