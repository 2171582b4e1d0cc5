"""Series, sequences and texts as they come: each mistake costs its row, and the row is told by line, on every face."""

from pathlib import Path

import pytest

from scitrain.runs import run_ids
from scitrain.workspace import Workspace

LONG = [
    "sample_id,time,value,label",
    *(f"s{s},{t},{(s + 1) * (t + 1) % 37},{'ab'[s % 2]}" for s in range(24) for t in range(8)),
]
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
    assert reasons[33] == "empty: no word in it"
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
