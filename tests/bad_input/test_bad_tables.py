"""Tables as they come: read where they can be, refused with the reason and the mend where they cannot."""

from pathlib import Path

import pytest

from scitrain.workspace import Workspace

HEAD = "x,kind,y"
ROWS = [f"{i * 37 % 41 / 7:.4f},{'ab'[i % 2]},{i * 1.7 % 13:.3f}" for i in range(36)]
TABLE = "\n".join([HEAD, *ROWS]) + "\n"
CONSTANT_TARGET = "\n".join([HEAD, *(f"{row.rsplit(',', 1)[0]},3" for row in ROWS)]) + "\n"
NO_TARGET = CONSTANT_TARGET.replace(",3\n", ",NaN\n")
ONE_CLASS = CONSTANT_TARGET.replace(",3\n", ",yes\n")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xef\xbb\xbf" + TABLE.encode(), 38),
        (TABLE.replace(",", ";").encode(), 38),
        (TABLE.replace(",a,", ',"a\nb",').encode(), 56),
        (TABLE.encode("utf-16"), 38),
    ],
    ids=["byte-order mark", "semicolons", "quoted line breaks", "UTF-16"],
)
def test_a_table_is_read_in_any_of_the_usual_forms(workspace: Workspace, ask, content: bytes, line: int) -> None:
    (workspace.root / "t.csv").write_bytes(content)
    found = ask("inspect_dataset", data="t.csv", target="y")
    assert found.refusal == ""
    types = {column["name"]: column["type"] for column in found.value["columns"]}
    assert types == {"x": "number", "kind": "category", "y": "number"}
    assert found.value["rows"] == 36
    assert all(problem["line"] <= line for problem in found.value["problems"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty (0 bytes); give a file with a header and at least one row"),
        ("\n\n \n", "holds only blank lines"),
        (HEAD + "\n", "has a header but no rows; add rows"),
        (HEAD + "\n1,a,2\n", "nothing to learn; choose another target, or add rows that differ"),
        (TABLE.replace("kind", "x", 1), "column names are repeated ('x' in columns 1, 2)"),
        (TABLE + '1,a,"2\n3,b,4\n', "a double quote is opened in this row and never closed"),
        (b"x,y\n1,\x00\n", "binary or damaged"),
        (CONSTANT_TARGET, "the same value, 3, in all 36 usable rows"),
        (NO_TARGET, "y"),
        (ONE_CLASS, "y"),
    ],
    ids=[
        "no bytes",
        "blank",
        "no rows",
        "one row",
        "repeated names",
        "open quote",
        "binary",
        "one value",
        "no value",
        "one class",
    ],
)
def test_a_table_nothing_can_be_learned_from_is_refused(
    workspace: Workspace, ask, earlier: Path, content: str | bytes, said: str
) -> None:
    path = workspace.root / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(path.name for path in workspace.root.iterdir())
    refusal = ask("inspect_dataset", data="t.csv", target="y").refusal
    assert said in refusal
    assert len(refusal) > 40, "a reason and what to do take some words"
    assert unfinished(workspace.root) == []
    assert sorted(path.name for path in workspace.root.iterdir() if path.name != "datasets") == before
    assert (earlier / "MODEL_CARD.md").read_text() == "# an earlier model"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"target": "kind", "task": "regression"}, "regression needs numbers in 'kind', but line 2 holds 'a'"),
        ({"target": "kinds"}, "no column named 'kinds'; did you mean 'kind'?"),
        ({"target": "y", "modality": "tabluar"}, "did you mean 'tabular'?"),
        ({"target": "y", "ignore": ["xx"]}, "no column named 'xx'"),
        ({"target": "y", "tarket": "y"}, "tarket"),
        ({"target": "y", "seed": "soon"}, "seed: Input should be a valid integer"),
        ({"target": "y", "max_rows": 3}, "max_rows: Input should be greater than or equal to 10"),
        ({"target": "y", "rows": "fale"}, "rows: "),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_request_that_does_not_fit_the_table_is_refused(workspace: Workspace, ask, request_, said: str) -> None:
    (workspace.root / "t.csv").write_text(TABLE)
    refusal = ask("inspect_dataset", data="t.csv", **request_).refusal
    # pydantic puts a field and what is wrong with it on two lines; the other faces on one.
    assert all(part in refusal for part in said.split(": "))


def problems(found) -> dict[str, str]:
    return {problem["value"]: problem["reason"] for problem in found.value["problems"]}


def test_labels_that_are_no_finite_number_cost_their_rows_only(workspace: Workspace, ask) -> None:
    (workspace.root / "t.csv").write_text(TABLE + "11,a,NaN\n12,b,inf\n13,a,-Infinity\n14,a,\n")
    found = ask("inspect_dataset", data="t.csv", target="y")
    said = problems(found)
    assert {said["NaN"], said[""]} == {"has no label"}
    assert {said["inf"], said["-Infinity"]} == {"target is infinite"}
    assert found.value["rows_kept"] == 36


def test_a_huge_cell_costs_its_row_only(workspace: Workspace, ask) -> None:
    (workspace.root / "t.csv").write_text(f"{TABLE}1,{'a' * 10_000_000},2\n")
    [problem] = ask("inspect_dataset", data="t.csv", target="y").value["problems"]
    assert (problem["line"], problem["column"]) == (38, "kind")
    assert problem["reason"] == "cell of 10,000,000 bytes; at most 1,000,000 are read"
    assert len(problem["value"]) < 100


def test_molecules_that_cannot_be_read_are_listed_by_line(workspace: Workspace, ask) -> None:
    good = [f"{'C' * (i + 1)}O,{i * 1.3 % 7:.2f}" for i in range(25)]
    odd = ["CC(=O)[O-].[Na+],1", "[2H]C([2H])([2H])N,2", "C1CC,3", f"{'C' * 2000},4"]
    (workspace.root / "m.csv").write_text("\n".join(["smiles,y", *good, *odd]) + "\n")
    found = ask("inspect_dataset", data="m.csv", target="y")
    said = {problem["line"]: problem["reason"] for problem in found.value["problems"]}
    assert list(said) == [29, 30]
    assert "ring 1 opened at position 2 is never closed" in said[29]
    assert "has 2,000 heavy atoms; at most 1,000" in said[30]
    assert found.value["rows_kept"] == 27
    assert [reason for reason in found.value["changed"] if "salt" in reason]


def test_formulas_that_cannot_be_read_are_listed_with_the_character(workspace: Workspace, ask) -> None:
    good = [f"{a}{b}O{k},{k * 1.3 + len(a):.2f}" for k in (1, 2, 3) for a in ("Li", "Na", "K") for b in ("Fe", "Ti")]
    odd = ["Fe2O3),1", "Xx2,2", "H2O·5,3", "(Mg0.9Fe0.1)2SiO4,4", "NaN,5"]
    (workspace.root / "f.csv").write_text("\n".join(["formula,y", *good, *odd]) + "\n")
    found = ask("inspect_dataset", data="f.csv", target="y", modality="formula", inputs="formula")
    said = problems(found)
    assert found.refusal == ""
    assert set(said) == {"Fe2O3)", "Xx2", "H2O·5"}
    assert "character 6: ')' closes no bracket" in said["Fe2O3)"]
    assert "no element 'Xx'" in said["Xx2"]
    assert "character 5" in said["H2O·5"]
    assert found.value["rows_kept"] == len(good) + 2


def unfinished(folder: Path) -> list[str]:
    """Return the files and folders that a write cut short would leave."""
    return [str(p) for p in folder.rglob("*") if p.name.startswith(".") or p.suffix in {".tmp", ".part"}]
