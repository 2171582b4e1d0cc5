"""Sources, as they are found on disk."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scitrain.data.builtin import NAMES
from scitrain.data.delimited import parts, sniff
from scitrain.data.read import fingerprint, read, stream
from scitrain.errors import DataError, PathNotAllowedError, ScitrainError, UnknownNameError
from scitrain.workspace import Workspace


def written(workspace: Workspace, content: bytes | str, name: str = "x.csv") -> str:
    path = workspace.root / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def cells(workspace: Workspace, content: bytes | str, name: str = "x.csv") -> dict[str, list[str]]:
    return {
        column: list(values) for column, values in read(written(workspace, content, name), workspace).columns.items()
    }


def test_cells_stay_as_they_are_written(workspace: Workspace) -> None:
    found = cells(workspace, "formula,y\nNaN,1.50\nNA, 2\nNone,\n")
    assert found == {"formula": ["NaN", "NA", "None"], "y": ["1.50", " 2", ""]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", ("1", "2")),
        ("a,b\n1,\u00e9\n".encode("utf-16"), ("1", "\u00e9")),
        ("a,b\n1,\u00e9\n".encode("utf-16-le"), ("1", "\u00e9")),
        ("a,b\n1,\u00b0C \u2013\n".encode("cp1252"), ("1", "\u00b0C \u2013")),
        ("a,b\n1,\u30ab\u30ca\n".encode("cp932"), ("1", "\u30ab\u30ca")),
        (
            "a,b\n\u6e29\u5ea6,\u5727\u529b\uff08kPa\uff09\n".encode("cp932"),
            ("\u6e29\u5ea6", "\u5727\u529b\uff08kPa\uff09"),
        ),
        ("a,b\n\u6e29\u5ea6,\u30ab\u30ca\n".encode("euc_jp"), ("\u6e29\u5ea6", "\u30ab\u30ca")),
        ("a,b\nGr\u00f6\u00dfe,\u00e9t\u00e9\n".encode("cp1252"), ("Gr\u00f6\u00dfe", "\u00e9t\u00e9")),
        (b"a;b\n1;2\n", ("1", "2")),
        (b"a\tb\n1\t2\n", ("1", "2")),
        (b"a|b\n1|2\n", ("1", "2")),
        (b"a,b\r\n1,2\r\n", ("1", "2")),
        (b'a,b\n"1","2"', ("1", "2")),
    ],
)
def test_byte_order_marks_encodings_and_delimiters_are_found(
    workspace: Workspace, content: bytes, expected: tuple[str, str]
) -> None:
    assert cells(workspace, content) == {"a": [expected[0]], "b": [expected[1]]}


def test_lines_of_comment_before_the_header_are_left_out_and_lines_still_count(workspace: Workspace) -> None:
    source = read(written(workspace, '# made "by X\n# on, a, day\na,b,y\n1,2,3\n4,5\n6,7,8\n9,9\n'), workspace)
    assert {name: list(column) for name, column in source.columns.items()} == {
        "a": ["1", "6"],
        "b": ["2", "7"],
        "y": ["3", "8"],
    }
    assert source.lines.tolist() == [4, 6]
    assert source.rows.tolist() == [1, 3]
    assert [one.line for one in source.broken] == [5, 7]
    assert source.notes == ("lines that begin with # left out before the header (2)",)


def test_a_header_may_begin_with_a_number_sign(workspace: Workspace) -> None:
    assert cells(workspace, "#smiles,y\nC#N,1\n") == {"#smiles": ["C#N"], "y": ["1"]}


def test_decimal_commas_are_found_below_comments(workspace: Workspace) -> None:
    assert cells(workspace, "# x\nname;y\na;1,5\n") == {"name": ["a"], "y": ["1.5"]}


def test_a_guessed_encoding_is_said(workspace: Workspace) -> None:
    source = read(written(workspace, "a,b\n1,\u00e9\n".encode("cp1252")), workspace)
    assert "not UTF-8 (line 2)" in source.notes[0]


def test_decimal_commas_of_a_semicolon_file_become_points_and_this_is_said(workspace: Workspace) -> None:
    source = read(written(workspace, "name;y\na,b;3,14\nc;\u22122,5e3\nd;7\n"), workspace)
    assert list(source.columns["y"]) == ["3.14", "\u22122.5e3", "7"]
    assert list(source.columns["name"]) == ["a,b", "c", "d"]
    assert any("decimal commas" in note for note in source.notes)


def test_lines_count_quoted_line_breaks_blank_lines_and_broken_rows(workspace: Workspace) -> None:
    source = read(written(workspace, 'a,b\n1,"x\ny"\n\n3\n4,5\n6,7,8\n9,10\n'), workspace)
    assert list(source.columns["b"]) == ["x\ny", "5", "10"]
    assert source.lines.tolist() == [2, 6, 8]
    assert [(one.line, one.reason) for one in source.broken] == [
        (5, "has 1 cells where the header has 2"),
        (7, "has 3 cells where the header has 2"),
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.sampled_from(["1,2", '"a\nb",3', "4", "5,6,7", "", '"x ""y""",8', "é,9"]), min_size=1, max_size=40)
)
def test_every_row_is_found_on_its_line_whatever_the_block_size(workspace: Workspace, rows: list[str]) -> None:
    path = Path(written(workspace, "a,b\n" + "".join(row + "\n" for row in rows)))
    lines, where = {}, 2
    for row in rows:
        lines[where] = row
        where += 1 + row.count("\n")
    good = [line for line, row in lines.items() if row and row.count(",") == 1]
    broken = [line for line, row in lines.items() if row and row.count(",") != 1]
    if not good:
        return
    for block in (16, 64, 1 << 20):
        found = list(parts(sniff(path), block))
        assert [int(line) for part in found for line in part.lines] == good
        assert sorted(one.line for part in found for one in part.broken) == broken


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\n\n", "blank"),
        ("x.csv", b"a,b\n", "no rows"),
        ("x.csv", b"a,b", "no rows"),
        ("x.csv", b"a,a\n1,2\n", "'a' in columns 1, 2"),
        ("x.csv", b"a,b\n1,\x00\n", "line 2 holds a NUL byte"),
        ("x.csv", b'a,b\n1,2\n3,"open\n5,6\n', "line 3: a double quote"),
        ("x.csv", b"PK\x03\x04....", "Excel"),
        ("x.csv", b"\x89PNG....", "an image"),
        ("x.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
        ("x.csv", b"a,b\n1\n2\n3,4\n", "cannot be read"),
        ("x.parquet", b"abc", "no readable Parquet"),
        ("x.jsonl", b"a,b\n1,2\n", "is no JSON"),
        ("x.xyz", b"3\n", "ending '.xyz'"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(
    workspace: Workspace, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(DataError, match="(?s)" + said) as error:
        read(written(workspace, content, name), workspace)
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("x.xlsx", b"PK\x03\x04...", "Excel workbook; save the sheet as CSV"),
        ("x.csv.gz", b"\x1f\x8b...", "decompress it first"),
        ("x.pkl", b"\x80\x05K\x01.", "a pickle, which could run anything and is not opened"),
        ("x.json", b"{}", "ending '.json' that is not known"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_to_do(
    workspace: Workspace, name: str, head: bytes, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read(written(workspace, head, name), workspace)


def test_one_row_is_read(workspace: Workspace) -> None:
    assert cells(workspace, "a,b\n1,2\n") == {"a": ["1"], "b": ["2"]}


def test_a_cell_of_ten_megabytes_breaks_its_row_only(workspace: Workspace) -> None:
    source = read(written(workspace, b"a,b\n1," + b"x" * 10_000_000 + b"\n2,3\n4,5\n"), workspace)
    assert list(source.columns["b"]) == ["3", "5"]
    assert source.lines.tolist() == [3, 4]
    assert "10,000,000" in source.broken[0].reason
    assert len(source.broken[0].value) <= 80


def test_unnamed_columns_get_a_name(workspace: Workspace) -> None:
    assert list(cells(workspace, ",a\n0,1\n1,2\n")) == ["unnamed_1", "a"]


def test_a_file_larger_than_memory_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scitrain.data.read.available_memory", lambda: 10)
    with pytest.raises(DataError, match="memory"):
        read(written(workspace, "a,b\n1,2\n"), workspace)


def test_parquet_numbers_become_their_shortest_text_and_a_typed_nan_is_missing(workspace: Workspace) -> None:
    table = pa.table({"x": [0.1, float("nan"), None], "f": ["NaN", "Fe2O3", None], "l": [[1], [2], [3]]})
    pq.write_table(table, workspace.root / "x.parquet")
    source = read("x.parquet", workspace)
    assert {name: list(values) for name, values in source.columns.items()} == {
        "x": ["0.1", "", ""],
        "f": ["NaN", "Fe2O3", ""],
    }
    assert source.place == "row"


def test_json_lines_fill_absent_keys_and_name_bad_lines(workspace: Workspace) -> None:
    source = read(written(workspace, '{"a": 1, "b": null}\n[1]\n{"a": "x", "c": true}\n', "x.jsonl"), workspace)
    assert {name: list(values) for name, values in source.columns.items()} == {
        "a": ["1", "x"],
        "b": ["", ""],
        "c": ["", "true"],
    }
    assert [one.line for one in source.broken] == [2]


ETHANOL = """ethanol
  test

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 C   0  0
    2.0000    1.0000    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
> <logS> (1)
1.1

$$$$
"""


def test_an_sdf_gives_smiles_names_and_data_items_and_names_bad_records(workspace: Workspace) -> None:
    wrong = (
        ETHANOL.replace("  1  2  1  0\n", "  1  2  9  0\n")
        .replace(" O   0", " F   0")
        .replace("  2  3  1", "  2  3  3")
    )
    source = read(written(workspace, ETHANOL + wrong + ETHANOL.replace("1.1", "2.2"), "x.sdf"), workspace)
    assert list(source.columns["smiles"]) == ["CCO", "CCO"]
    assert list(source.columns["logS"]) == ["1.1", "2.2"]
    assert source.rows.tolist() == [1, 3]
    assert source.broken[0].line == 2


def test_units_are_read_from_headers(workspace: Workspace) -> None:
    source = read(written(workspace, "yield (MPa),T [K],name (string),f(x)\n1,2,3,4\n"), workspace)
    assert source.units == {"yield (MPa)": "MPa", "T [K]": "K", "f(x)": "x"} or source.units == {
        "yield (MPa)": "MPa",
        "T [K]": "K",
    }


def test_the_fingerprint_is_the_contents(workspace: Workspace) -> None:
    one, two = written(workspace, "a,b\n1,2\n"), written(workspace, "a,b\n1,2\n", "y.csv")
    assert fingerprint(one, workspace) == fingerprint(two, workspace) == read(one, workspace).fingerprint
    assert fingerprint(written(workspace, "a,b\n1,3\n"), workspace) != fingerprint(two, workspace)


@pytest.mark.parametrize("name", NAMES)
def test_built_in_sets_have_licence_citation_and_columns_of_one_length(workspace: Workspace, name: str) -> None:
    source = read(f"builtin:{name}", workspace)
    assert source.licence
    assert source.citation
    assert source.description
    assert {len(values) for values in source.columns.values()} == {len(source)}
    assert source.default_target in {None, *source.columns}
    assert len(source) > 400


def test_formation_enthalpies_are_per_atom(workspace: Workspace) -> None:
    source = read("builtin:formation-enthalpy", workspace)
    value = dict(zip(source.columns["formula"], source.columns["formation_enthalpy"], strict=True))
    # Al2O3: -1675.7 kJ/mol (NIST-JANAF) are -3.47 eV an atom.
    assert float(value["Al2O3"]) == pytest.approx(-1675.7 / 96.485 / 5, abs=0.02)
    # CaCO3: -1206.9 kJ/mol.
    assert float(value["CaCO3"]) == pytest.approx(-1206.9 / 96.485 / 5, abs=0.02)
    assert source.units["formation_enthalpy"] == "eV/atom"


def test_an_unknown_built_in_set_is_named_with_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'diabetes'"):
        read("builtin:diabetis", workspace)


def test_a_stream_gives_every_row_once_in_order_with_broken_ones_flagged(workspace: Workspace) -> None:
    path = written(workspace, "a,b\n1,2\n3\n4,5\n6,7\n8,9\n")
    batches = list(stream(path, workspace, batch_rows=2))
    assert np.concatenate([rows for _, rows in batches]).tolist() == [1, 2, 3, 4, 5]
    assert [list(columns["a"]) for columns, _ in batches] == [["1", ""], ["4", "6"], ["8"]]
    assert "has 1 cells" in batches[0][0].errors[1]
    assert not batches[1][0].errors


def test_a_stream_of_json_lines_and_of_a_built_in_set_gives_what_reading_gives(workspace: Workspace) -> None:
    path = written(workspace, "".join(json.dumps({"a": i}) + "\n" for i in range(10)), "x.jsonl")
    assert [int(cell) for columns, _ in stream(path, workspace, 3) for cell in columns["a"]] == list(range(10))
    assert sum(len(rows) for _, rows in stream("builtin:diabetes", workspace, 100)) == 442


def test_a_file_outside_the_data_roots_is_not_read(tmp_path: Path) -> None:
    confined = Workspace(tmp_path / "workspace", data_roots=(tmp_path / "data",))
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (tmp_path / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    for path in ("../secret.csv", str(tmp_path / "secret.csv"), str(tmp_path / "data" / "link.csv")):
        with pytest.raises(PathNotAllowedError):
            read(path, confined)
    with pytest.raises(ScitrainError, match="no file"):
        read("absent.csv", confined)
