"""From a file to rows that can be learned from."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.data.prepared import Prepared
from scitrain.errors import DataError, UnknownNameError
from scitrain.runs import Run
from scitrain.workspace import Workspace

SPLIT = ("train", "val", "test")


def table(workspace: Workspace, lines: list[str], name: str = "t.csv") -> str:
    path = workspace.root / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def numbers(workspace: Workspace, extra: list[str] | None = None, n: int = 40) -> str:
    if extra is None:
        extra = []
    random = np.random.default_rng(0)
    rows = [f"{random.normal():.4f},{'ab'[i % 2]},{random.normal():.4f}" for i in range(n)]
    return table(workspace, ["x,kind,y", *rows, *extra])


def go(workspace: Workspace, data: str, **options: object) -> Prepared:
    return prepare(DataOptions.model_validate({"data": data, **options}), workspace)


def rejected(prepared: Prepared) -> list[dict[str, str]]:
    with (prepared.folder / "rejected.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_prepared_with_every_choice_and_its_reason(workspace: Workspace) -> None:
    found = go(workspace, numbers(workspace), target="y")
    assert (found.modality, found.task, found.y.shape) == ("tabular", "regression", (40, 1))
    assert found.y.dtype == np.dtype(np.float32)
    assert list(found.columns) == ["x", "kind"]
    assert {decision.what for decision in found.decisions} >= {
        "target",
        "modality",
        "inputs",
        "task",
        "bad rows",
        "split",
    }
    assert all(decision.why for decision in found.decisions)
    assert sum(len(found.split[part]) for part in SPLIT) == 40
    assert found.report["leaks"]["same_input_in_two_splits"] == 0  # type: ignore[index,call-overload]


def test_the_report_has_the_documented_keys(workspace: Workspace) -> None:
    report = go(workspace, numbers(workspace), target="y").report
    assert set(report) == {
        "source",
        "fingerprint",
        "description",
        "licence",
        "citation",
        "place",
        "modality",
        "task",
        "input_columns",
        "series",
        "auxiliary",
        "left_out",
        "rows_read",
        "rows_kept",
        "rows_rejected",
        "rejected",
        "rejected_examples",
        "rows_changed",
        "changes",
        "change_examples",
        "duplicates",
        "targets",
        "split",
        "leaks",
        "warnings",
    }


def test_a_second_call_reads_the_cache(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    data = numbers(workspace)
    first = go(workspace, data, target="y")
    monkeypatch.setattr("scitrain.data.prepare.build", lambda *_: pytest.fail("prepared again"))
    second = go(workspace, data, target="y")
    assert second.key == first.key
    assert np.array_equal(first.y, second.y)
    assert first.columns == second.columns


def test_other_content_or_another_request_is_prepared_anew(workspace: Workspace) -> None:
    first = go(workspace, numbers(workspace), target="y")
    assert go(workspace, numbers(workspace), target="y", seed=1).key != first.key
    assert go(workspace, numbers(workspace, n=41), target="y").key != first.key


def test_concurrent_prepares_end_in_one_folder(workspace: Workspace) -> None:
    data = numbers(workspace)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: go(workspace, data, target="y"), range(4)))
    assert {one.key for one in found} == {found[0].key}
    assert sorted(path.name for path in workspace.datasets.iterdir()) == [found[0].key]


def test_a_failed_prepare_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(DataError):
        go(workspace, numbers(workspace, n=5), target="y")
    assert list(workspace.datasets.iterdir()) == []


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("inf", "target is infinite"),
        ("-Infinity", "target is infinite"),
        ("NaN", "has no label"),
        ("", "has no label"),
        ("abc", "target is not a number"),
        ("<0.5", "target is a bound"),
        ("1e39", "too large"),
    ],
)
def test_bad_targets_are_left_out_by_line_with_the_reason(workspace: Workspace, cell: str, reason: str) -> None:
    found = go(workspace, numbers(workspace, [f"1,a,{cell}"]), target="y")
    (row,) = rejected(found)
    assert (row["line"], row["column"], row["value"]) == ("42", "y", cell)
    assert reason in row["reason"]
    assert found.report["rows_kept"] == 40


def test_broken_rows_are_listed_too(workspace: Workspace) -> None:
    found = go(workspace, numbers(workspace, ["1,a", "2,b,3,4"]), target="y")
    assert [row["line"] for row in rejected(found)] == ["42", "43"]


def test_fail_stops_at_bad_rows_and_names_them(workspace: Workspace) -> None:
    with pytest.raises(DataError, match=r"line 42 \(y\): target is not a number \('abc'\)"):
        go(workspace, numbers(workspace, ["1,a,abc"]), target="y", rows="fail")


def test_missing_cells_of_a_table_are_kept_unless_dropping_was_asked_for(workspace: Workspace) -> None:
    data = numbers(workspace, [",a,1.5"])
    assert go(workspace, data, target="y").report["rows_kept"] == 41
    assert go(workspace, data, target="y", rows="drop").report["rows_kept"] == 40


def test_text_where_regression_was_said_names_line_and_value(workspace: Workspace) -> None:
    data = table(workspace, ["x,y", *(f"{i}.5,word{i}" for i in range(30))])
    with pytest.raises(DataError, match="regression needs numbers in 'y', but line 2 holds 'word0'"):
        go(workspace, data, target="y", task="regression")


def test_a_target_that_is_all_equal_teaches_nothing(workspace: Workspace) -> None:
    data = table(workspace, ["x,y", *(f"{i}.5,3" for i in range(30))])
    with pytest.raises(DataError, match="same value, 3, in all 30"):
        go(workspace, data, target="y", task="regression")


def test_one_class_teaches_nothing(workspace: Workspace) -> None:
    data = table(workspace, ["x,y", *(f"{i}.5,yes" for i in range(30))])
    with pytest.raises(DataError, match="one class"):
        go(workspace, data, target="y", task="binary")


@pytest.mark.parametrize("n", [1, 9])
def test_too_few_rows_are_refused(workspace: Workspace, n: int) -> None:
    with pytest.raises(DataError, match=r"at least 10|nothing to learn"):
        go(workspace, numbers(workspace, n=n), target="y")


def test_a_target_said_twice_is_one_target(workspace: Workspace) -> None:
    prepared = go(workspace, numbers(workspace), target=["y", "y"])
    assert [target.name for target in prepared.targets] == ["y"]


def test_unknown_names_are_answered_with_the_nearest(workspace: Workspace) -> None:
    data = numbers(workspace)
    for request in ({"target": "yy"}, {"target": "y", "inputs": ["xx"]}, {"target": "y", "ignore": ["knd"]}):
        with pytest.raises(UnknownNameError, match="did you mean"):
            go(workspace, data, **request)
    with pytest.raises(UnknownNameError, match="tabular"):
        go(workspace, data, target="y", modality="tabulr")
    with pytest.raises(UnknownNameError):
        go(workspace, data, target="y", unit={"x": "m"})
    with pytest.raises(DataError, match="both as target and as input"):
        go(workspace, data, target="y", inputs=["y"])


def test_candidates_are_listed_where_the_target_is_not_said(workspace: Workspace) -> None:
    data = table(workspace, ["a,b,c", *(f"{i}.5,{i * i}.1,{i % 2}" for i in range(30))])
    with pytest.raises(DataError, match=r"candidates in t.csv: a \(number\), b \(number\), c \(0/1\)"):
        go(workspace, data)


def test_the_only_sensible_target_is_taken(workspace: Workspace) -> None:
    found = go(workspace, formulas(workspace))
    assert [target.name for target in found.targets] == ["gap (eV)"]
    assert found.targets[0].unit == "eV"
    assert found.report["left_out"] == {"id": "no formula column"}


def formulas(workspace: Workspace, extra: list[str] | None = None) -> str:
    if extra is None:
        extra = []
    metals = ["Li", "Na", "K", "Mg", "Ca", "Fe", "Co", "Ni", "Cu", "Zn"]
    rows = [
        f"{i},{m}{x},{i * 0.37:.2f}" for i, (m, x) in enumerate((m, x) for m in metals for x in ("O", "S2", "F3", "Cl"))
    ]
    return table(workspace, ["id,formula,gap (eV)", *rows, *extra], "f.csv")


def test_nan_is_sodium_nitride_and_bad_formulas_are_named(workspace: Workspace) -> None:
    found = go(workspace, formulas(workspace, ["40,NaN,1.5", "41,Fe2O3),1", "42,Xx2,1", "43,,1"]))
    assert "NaN" in list(found.columns["formula"]) or "NNa" in list(found.columns["formula"])
    assert [(row["line"], row["value"]) for row in rejected(found)] == [("43", "Fe2O3)"), ("44", "Xx2"), ("45", "")]


def test_id_and_constant_columns_are_left_out_with_the_reason(workspace: Workspace) -> None:
    rows = [f"{i},same,name of {i},{i * 7 % 13}.5,{i * 5 % 17}.25" for i in range(40)]
    found = go(workspace, table(workspace, ["sample_id,lab,title,x,y", *rows]), target="y")
    assert list(found.columns) == ["x"]
    left_out = found.report["left_out"]
    assert isinstance(left_out, dict)
    assert "identifier" in str(left_out["sample_id"])
    assert "constant" in str(left_out["lab"])
    assert "title" in left_out


def test_classes_are_words_in_order_with_the_negative_first(workspace: Workspace) -> None:
    words = ["inactive", "active"]
    data = table(workspace, ["x,y", *(f"{i}.5,{words[i % 2]}" for i in range(40))])
    found = go(workspace, data, target="y")
    assert (found.task, found.targets[0].classes) == ("binary", ("inactive", "active"))
    assert found.y[:2, 0].tolist() == [0.0, 1.0]


def test_whole_numbers_may_be_classes_and_one_spelling_is_one_class(workspace: Workspace) -> None:
    data = table(workspace, ["x,y", *(f"{i}.5,{['0', '1.0', '2', '1'][i % 4]}" for i in range(100))])
    found = go(workspace, data, target="y")
    assert (found.task, found.targets[0].classes, found.n_outputs) == ("multiclass", ("0", "1", "2"), 3)
    assert found.y.dtype == np.dtype(np.int64)


def test_many_different_words_are_no_target(workspace: Workspace) -> None:
    data = table(workspace, ["x,y", *(f"{i}.5,word{i}" for i in range(40))])
    with pytest.raises(DataError, match="neither numbers nor classes"):
        go(workspace, data, target="y")


def test_several_targets_keep_missing_labels_masked(workspace: Workspace) -> None:
    rows = [f"{i}.5,{i}.1,{'' if i % 3 else i * 2.5}" for i in range(40)]
    found = go(workspace, table(workspace, ["x,a,b", *rows, "99,,"]), target=["a", "b"])
    assert (found.task, found.y.shape) == ("regression", (40, 2))
    assert np.isnan(found.y[:, 1]).sum() == 26
    assert rejected(found)[0]["reason"] == "has no label"


def test_several_yes_no_columns_are_labels(workspace: Workspace) -> None:
    rows = [f"{i}.5,{i % 2},{'' if i % 5 == 0 else i % 3 % 2}" for i in range(60)]
    assert go(workspace, table(workspace, ["x,a,b", *rows]), target=["a", "b"]).task == "multilabel"


def test_words_among_several_targets_are_classes_beside_numbers(workspace: Workspace) -> None:
    rows = [f"{i}.5,{i}.25,{'red' if i % 2 else 'blue'}" for i in range(40)]
    found = go(workspace, table(workspace, ["x,a,b", *rows]), target=["a", "b"])
    assert found.task == "mixed"
    assert [target.classes for target in found.targets] == [None, ("blue", "red")]


def test_labels_of_the_same_input_are_merged_and_disagreements_counted(workspace: Workspace) -> None:
    data = numbers(workspace, ["7,a,1", "7,a,3", "7.0,a,2"])
    merged = go(workspace, data, target="y")
    at = list(merged.columns["x"]).index("7")
    assert merged.y[at, 0] == 2.0
    assert merged.report["duplicates"] == {"inputs": 1, "conflicting": 1, "policy": "merge", "rows_removed": 2}
    assert [row["line"] for row in rejected(merged)] == ["43", "44"]
    kept = go(workspace, data, target="y", duplicates="keep")
    twins = [i for i, cell in enumerate(kept.columns["x"]) if cell in {"7", "7.0"}]
    assert len(twins) == 3
    assert sum(bool(set(twins) & set(kept.split[part].tolist())) for part in SPLIT) == 1
    dropped = go(workspace, data, target="y", duplicates="drop_conflicts")
    assert "7" not in list(dropped.columns["x"])


def test_a_split_column_keeps_its_test_and_loses_copies_in_train(workspace: Workspace) -> None:
    rows = [f"{i}.5,{i * 3 % 17}.5,{'test' if i >= 30 else 'train'}" for i in range(40)]
    data = table(workspace, ["x,y,split", *rows, "35.5,1,train"])
    found = go(workspace, data, target="y", split={"kind": "column"})
    assert sorted(found.rows[found.split["test"]].tolist()) == list(range(31, 41))
    assert "which is in a later split" in rejected(found)[0]["reason"]
    assert "split" not in found.columns


def test_bad_split_words_are_named_by_line(workspace: Workspace) -> None:
    rows = [f"{i}.5,{i}.25,{'valid' if i < 5 else 'test' if i < 10 else 'Training'}" for i in range(40)]
    found = go(
        workspace,
        table(workspace, ["x,y,part", *rows, "9,9,tset"]),
        target="y",
        split={"kind": "column", "column": "part"},
    )
    assert [len(found.split[part]) for part in SPLIT] == [30, 5, 5]
    assert rejected(found)[0]["value"] == "tset"
    with pytest.raises(DataError, match="cannot say the split"):
        go(
            workspace,
            table(workspace, ["x,y,part", *rows]),
            target="y",
            inputs="part",
            split={"kind": "column", "column": "x"},
        )


def test_dates_order_a_time_split(workspace: Workspace) -> None:
    rows = [f"{i * 7 % 11}.{i},{i}.25,2024-{1 + i % 12:02d}-{1 + i // 12:02d}" for i in range(36)]
    found = go(workspace, table(workspace, ["x,y,day", *rows]), target="y", split={"kind": "time", "column": "day"})
    test_months = {int(i - 1) % 12 for i in found.rows[found.split["test"]]}
    assert test_months <= {10, 11}
    with pytest.raises(DataError, match="needs `column`"):
        go(workspace, table(workspace, ["x,y,day", *rows]), target="y", split="time")


def test_max_rows_is_a_sample_that_its_seed_repeats(workspace: Workspace) -> None:
    data = numbers(workspace, n=100)
    one, two = go(workspace, data, target="y", max_rows=20), go(workspace, data, target="y", max_rows=20, seed=7)
    assert len(one.rows) == len(two.rows) == 20
    assert one.rows.tolist() != two.rows.tolist()


def test_a_feature_that_gives_the_target_away_is_warned_of(workspace: Workspace) -> None:
    rows = [f"{i * 7 % 13}.5,{i * 1.8 + 32},{'low' if i < 20 else 'high'},{i}" for i in range(40)]
    data = table(workspace, ["x,fahrenheit,level,celsius", *rows])
    found = go(workspace, data, target="celsius")
    assert any("'fahrenheit' gives 'celsius' away" in str(warning) for warning in found.report["warnings"])  # type: ignore[union-attr]
    classes = go(workspace, data, target="level", ignore=["celsius", "fahrenheit"])
    assert not classes.report["leaks"]["telling_features"]  # type: ignore[index,call-overload]
    told = go(workspace, data, target="level", ignore=["celsius"])
    assert told.report["leaks"]["telling_features"]  # type: ignore[index,call-overload]


def test_near_copies_across_the_split_are_counted(workspace: Workspace) -> None:
    rows = [f"{i // 2}.{i % 2}000001,{(i // 2) ** 2 % 37}.5,{i}.25" for i in range(200)]
    near = [row.replace(".1000001", ".0000002") for row in rows]
    found = go(workspace, table(workspace, ["a,b,y", *near]), target="y")
    assert found.report["leaks"]["near_copies"]["share"] > 0.5  # type: ignore[index,call-overload,operator]
    assert any("the test may be too kind" in str(warning) for warning in found.report["warnings"])  # type: ignore[union-attr]


def test_units_are_those_said_then_those_of_the_header(workspace: Workspace) -> None:
    assert go(workspace, numbers(workspace), target="y", unit="K").targets[0].unit == "K"
    assert go(workspace, numbers(workspace), target="y", unit={"y": "eV"}).targets[0].unit == "eV"
    assert go(workspace, numbers(workspace), target="y").targets[0].unit is None


def test_molecules_are_split_by_scaffold_and_bad_ones_named(workspace: Workspace) -> None:
    rings = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCOC1", "c1ccsc1", "C1CCNC1", "c1ccoc1", "C1CCC1"]
    rows = [
        f"{chain}{ring},{i * 0.1:.1f}"
        for i, (chain, ring) in enumerate((c, r) for r in rings for c in ("C", "CC", "CCC", "N", "O"))
    ]
    found = go(
        workspace, table(workspace, ["smiles,y", *rows, "C1CC,1", ",2"], "m.csv"), split={"val": 0.2, "test": 0.2}
    )
    assert (found.modality, found.report["split"]["kind"]) == ("smiles", "scaffold")  # type: ignore[index,call-overload]
    assert [row["line"] for row in rejected(found)] == ["42", "43"]


def test_progress_is_told(workspace: Workspace) -> None:
    run = Run.create("train_model", {}, workspace)
    told: list[str] = []
    run.on_progress = lambda step: told.append(step.message)
    prepare(DataOptions(data=numbers(workspace), target="y"), workspace, run)
    assert told[0] == "reading"
    assert any("cleaning 40 rows" in message for message in told)


def test_a_full_disk_leaves_no_half_written_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scitrain.data.prepare.write_rejected", full)
    with pytest.raises(OSError, match="No space"):
        go(workspace, numbers(workspace), target="y")
    assert list(Path(workspace.datasets).iterdir()) == []
