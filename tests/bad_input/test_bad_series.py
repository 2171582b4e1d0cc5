"""Series, sequences and texts as they come: each mistake costs its row, and the row is told by line, on every face."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scitrain.runs import run_ids
from scitrain.workspace import Workspace

LONG = [
    "sample_id,time,value,label",
    *(f"s{s},{t},{(s + 1) * (t + 1) % 37},{'ab'[s % 2]}" for s in range(24) for t in range(8)),
]
ISO = "%Y-%m-%dT%H:%M:%S"
PROTEINS = [f"{'ACDEFGHIKLMNPQRSTVWY'[i % 20 :]}{'MKTAYIAKQR'[: 3 + i % 7]}{'WYVTSRQPNM'[i % 10 :]}" for i in range(30)]
TEXTS = [
    f"sample {i} of iron was heated slowly in wet air until a thin layer of rust number {i * 7} grew on it"
    for i in range(30)
]


def said(found) -> dict[int, str]:
    return {problem["line"]: problem["reason"] for problem in found.value["problems"]}


def test_series_of_other_lengths_with_gaps_and_repeated_moments_cost_themselves(workspace: Workspace, ask) -> None:
    rows = [row for row in LONG if not row.startswith(("s1,7,", "s2,3,"))] + ["s3,2,9,b"]
    (workspace.root / "t.csv").write_text("\n".join(rows) + "\n")
    found = ask("inspect_dataset", data="t.csv", target="label")
    assert found.refusal == ""
    reasons = " | ".join(said(found).values())
    assert "has 7 values where 8 are read" in reasons
    assert "has a gap: no value at position 4" in reasons
    assert "this time stands twice in series 's3'" in reasons
    assert found.value["rows_kept"] == 22


def test_gaps_in_spectra_are_named_by_their_place(workspace: Workspace, ask) -> None:
    head = [f"{800 + 2 * i}" for i in range(16)]
    rows = [[f"{(i + 9) * j / 4 + j * j / 9:.3f}" for j in range(16)] + [str(i % 5)] for i in range(30)]
    rows[3][4], rows[7][2] = "", "n.d."
    (workspace.root / "t.csv").write_text("\n".join(",".join(row) for row in [[*head, "fat"], *rows]) + "\n")
    found = ask("inspect_dataset", data="t.csv", target="fat", task="regression")
    assert found.value["train_model"]["modality"] == "series"
    assert "no value at 808" in said(found)[5]
    assert said(found)[9] == "'n.d.' at 804 is no number"
    assert len(found.value["columns"]) == 17


def test_proteins_with_stops_unknowns_and_lower_case_are_mended_or_told(workspace: Workspace, ask) -> None:
    odd = [PROTEINS[0].lower() + "w", PROTEINS[1] + "WW*", "MKT*AYIAKQRW", "X" * 20, PROTEINS[2] + "XW", "MKTA1Y#AKQ"]
    lines = [f"{protein},{i * 7 % 11}.5" for i, protein in enumerate([*PROTEINS, *odd])]
    (workspace.root / "p.csv").write_text("\n".join(["protein,y", *lines]) + "\n")
    found = ask("inspect_dataset", data="p.csv", target="y")
    assert found.value["train_model"]["modality"] == "sequence"
    reasons = said(found)
    assert "has a stop * at position 4" in reasons[34]
    assert "are unknown (X)" in reasons[35]
    assert "'#'" in reasons[37]
    assert not {32, 33, 36} & set(reasons)
    assert any("capitals" in change for change in found.value["changed"])
    assert any("stop" in change for change in found.value["changed"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_texts_that_are_empty_huge_or_in_another_encoding(workspace: Workspace, ask, encoding: str) -> None:
    odd = ['""', '"?!"', "é" + "é iron rust" * 45_000, "rust " * 400_000]
    lines = [f"{text},{'ab'[i % 2]}" for i, text in enumerate([*TEXTS, *odd])]
    (workspace.root / "t.csv").write_bytes("\n".join(["text,label", *lines]).encode(encoding) + b"\n")
    found = ask("inspect_dataset", data="t.csv", target="label", modality="text", inputs="text")
    assert found.refusal == ""
    reasons = said(found)
    assert reasons[32].startswith("empty")
    assert reasons[33] == "holds no word, only signs; expected words"
    assert "at most 1,000,000 are read" in reasons[35]
    assert any("are read" in change for change in found.value["changed"])
    assert found.value["rows_kept"] == 31


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"augment": ["nois"]}, "'noise'"),
        ({"model": "transformr"}, "'transformer'"),
    ],
)
def test_misspelt_ways_and_families_are_refused_before_a_run_is_made(
    workspace: Workspace, ask, request_, message
) -> None:
    (workspace.root / "t.csv").write_text("\n".join(LONG) + "\n")
    assert message in ask("train_model", data="t.csv", target="label", **request_).error
    assert run_ids(workspace) == []


def test_a_folder_without_half_written_files_is_left(workspace: Workspace, ask, earlier: Path) -> None:
    (workspace.root / "t.csv").write_text("sample_id,time,value,label\n" + "a,1,2,b\n" * 3)
    assert ask("inspect_dataset", data="t.csv", target="label").refusal
    assert not [path for path in workspace.root.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp"]
    assert (earlier / "MODEL_CARD.md").read_text() == "# an earlier model"


def dated(form: Callable[[datetime, int], str]) -> str:
    """Return the long table with its times written by ``form``."""
    rows = [row.split(",") for row in LONG[1:]]
    moments = [datetime(2024, 3, 28, tzinfo=UTC) + timedelta(hours=int(row[1])) for row in rows]
    return "\n".join(
        [LONG[0], *(f"{r[0]},{form(m, i)},{r[2]},{r[3]}" for i, (r, m) in enumerate(zip(rows, moments, strict=True)))]
    )


def test_times_of_several_zones_are_read_and_those_of_several_notations_refused(workspace: Workspace, ask) -> None:
    layout = {"id": "sample_id", "time": "time"}
    told = json.dumps(layout) if ask.func.__name__ == "ask_command_line" else layout
    (workspace.root / "z.csv").write_text(dated(lambda m, i: m.strftime(ISO) + ("+02:00", "Z", "-05:00")[i // 8 % 3]))
    zoned = ask("inspect_dataset", data="z.csv", target="label", series=told)
    assert zoned.value["rows_kept"] == 24
    (workspace.root / "m.csv").write_text(dated(lambda m, i: m.strftime(("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M")[i % 2])))
    mixed = ask("inspect_dataset", data="m.csv", target="label", series=told)
    assert "96 of 192 times are not written like the others (dates, year first), such as line 3" in mixed.refusal
    assert "write all alike" in mixed.refusal


def test_a_time_that_is_none_costs_its_row_and_says_what_the_others_are(workspace: Workspace, ask) -> None:
    (workspace.root / "t.csv").write_text(dated(lambda m, i: m.strftime(ISO) if i != 7 else "yesterday"))
    found = ask("inspect_dataset", data="t.csv", target="label")
    assert said(found)[9] == "'yesterday' is no time; the others are dates, year first"
    assert found.value["rows_kept"] == 23


def test_second_rows_of_many_moments_leave_a_long_table_one(workspace: Workspace, ask) -> None:
    again = [row for row in LONG if row.split(",")[1] == "3"]
    (workspace.root / "t.csv").write_text("\n".join([*LONG, *again]) + "\n")
    found = ask("inspect_dataset", data="t.csv", target="label")
    assert found.value["train_model"]["modality"] == "series"
    assert found.value["rows_kept"] == 24


def test_too_few_usable_rows_say_why_the_others_were_left_out(workspace: Workspace, ask) -> None:
    rows = [row for row in LONG if row.split(",")[1] != "3" or row.startswith(("s1,", "s2,"))]
    (workspace.root / "t.csv").write_text("\n".join(rows) + "\n")
    refusal = ask("inspect_dataset", data="t.csv", target="label").refusal
    assert "2 usable rows; at least 10 are needed" in refusal
    assert "22 were left out: line 2 (value): has a gap" in refusal
    assert "rows='impute'" in refusal


def test_dna_beside_rna_is_one_alphabet_and_dna_among_proteins_is_told(workspace: Workspace, ask) -> None:
    drawn = random.Random(1)
    bases = ["".join(drawn.choices("ACGT", k=30)) for _ in range(30)]
    lines = [f"{text.replace('T', 'U') if i % 3 else text},{i % 7}.5" for i, text in enumerate(bases)]
    (workspace.root / "r.csv").write_text("\n".join(["sequence,y", *lines]) + "\n")
    assert ask("inspect_dataset", data="r.csv", target="y").value["train_model"]["modality"] == "sequence"
    (workspace.root / "p.csv").write_text(
        "\n".join(["protein,y", *(f"{p},{i}.5" for i, p in enumerate([*PROTEINS, bases[1]]))]) + "\n"
    )
    changed = ask("inspect_dataset", data="p.csv", target="y").value["changed"]
    assert any("only letters of bases among proteins" in change for change in changed)


def test_a_text_file_with_a_few_damaged_bytes_is_not_read_as_another_encoding(workspace: Workspace, ask) -> None:
    lines = [f"{text} größer,{'ab'[i % 2]}" for i, text in enumerate(TEXTS)]
    content = "\n".join(["text,label", *lines]).encode().replace(b"sample 7 ", b"sample \xff\xfe7 ")
    (workspace.root / "t.csv").write_bytes(content)
    refusal = ask("inspect_dataset", data="t.csv", target="label").refusal
    assert "t.csv line 9 holds bytes that are no UTF-8, as the rest of the file is" in refusal


def test_short_texts_without_spaces_are_texts_where_the_writing_has_none(workspace: Workspace, ask) -> None:
    lines = [f"試料{i}は湿った空気中で加熱され錆びた薄い層ができた,{'ab'[i % 2]}" for i in range(30)]
    (workspace.root / "t.csv").write_text("\n".join(["text,label", *lines]))
    assert ask("inspect_dataset", data="t.csv", target="label").value["train_model"]["modality"] == "text"


def test_the_only_column_is_taken_where_a_modality_is_asked_for_and_its_rows_say_what_is_wrong(
    workspace: Workspace, ask
) -> None:
    (workspace.root / "t.csv").write_text(
        "\n".join(["note,label", *(f"{'!?' * (i + 1)},{'ab'[i % 2]}" for i in range(30))])
    )
    assert (
        "holds no word, only signs; expected words ('!?')"
        in ask("inspect_dataset", data="t.csv", target="label", modality="text").refusal
    )
