"""Images, paths and run ids that are damaged, huge, strange, or lead out of the workspace."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scitrain.workspace import Workspace

SECRET = "the secret of another folder"
IDS = ["../x", "../../etc/passwd", "train_model-20260101T120000-00000000", "/etc", ".", "x/../y", "run\n"]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """Return the header of a PNG of ``side`` × ``side`` colour pixels, and no pixel."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.fixture
def pictures(workspace: Workspace) -> Path:
    """Return a folder of two classes of small pictures."""
    folder = workspace.root / "pictures"
    chance = np.random.default_rng(0)
    for label in ("flat", "rough"):
        (folder / label).mkdir(parents=True)
        for index in range(12):
            pixels = (chance.random((8, 8)) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index}.png")
    return folder


def test_a_damaged_and_a_huge_picture_cost_themselves_only(pictures: Path, ask) -> None:
    whole = (pictures / "flat" / "0.png").read_bytes()
    (pictures / "flat" / "corrupt.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "rough" / "bomb.png").write_bytes(bomb(50_000))
    (pictures / "rough" / "words.png").write_text("no picture at all")
    found = ask("inspect_dataset", data="pictures")
    said = " ".join(problem["reason"] for problem in found.value["problems"])
    assert "corrupt.png is damaged or cut off" in said
    assert "bomb.png is too large (2500000000 pixels); at most 50,000,000" in said
    assert "words.png is no image that can be read" in said
    assert found.value["rows_kept"] == 24


def test_pictures_in_print_colours_and_of_16_bits_are_read(pictures: Path, ask) -> None:
    Image.new("CMYK", (8, 8), (1, 200, 3, 4)).save(pictures / "flat" / "print.jpg")
    Image.fromarray((np.arange(64).reshape(8, 8) * 1000).astype(np.uint16)).save(pictures / "rough" / "deep.png")
    found = ask("inspect_dataset", data="pictures")
    assert found.value["problems"] == []
    assert found.value["rows_kept"] == 26


def test_pictures_of_one_class_are_refused(pictures: Path, ask) -> None:
    for path in (pictures / "rough").iterdir():
        path.unlink()
    assert "flat" in ask("inspect_dataset", data="pictures").refusal


@pytest.mark.parametrize("run_id", IDS)
@pytest.mark.parametrize("name", ["get_run", "cancel_run", "resume_run"])
def test_a_run_id_that_names_no_run_is_refused_with_those_there_are(ask, earlier: Path, name: str, run_id: str) -> None:
    refusal = ask(name, run_id=run_id).error
    assert f"no run named {run_id!r}" in refusal
    assert (earlier / "MODEL_CARD.md").read_text() == "# an earlier model"


def test_jobs_on_an_unknown_run_are_refused_and_make_no_run(ask, workspace: Workspace, earlier: Path) -> None:
    assert "no run named '../x'" in ask("predict", run="../x", inputs=["CCO"]).error
    assert "no run named '../x'" in ask("evaluate_model", run="../x").error
    assert "no run named '../x'" in ask("export_model", run="../x").error
    assert "no run named '../x'" in ask("compare_runs", runs=["../x", "../y"]).error
    assert [path.name for path in workspace.runs.iterdir()] == [earlier.name]


@pytest.fixture
def confined(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace whose environment confines reading to it, as the server always does."""
    monkeypatch.setenv("SCITRAIN_DATA_ROOTS", "")
    return workspace


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "other.csv"
    path.write_text(f"x,y\n{SECRET},1\n")
    return path


def test_files_outside_are_not_read_by_path_or_by_link(confined: Workspace, outside: Path, ask, request) -> None:
    (confined.root / "link.csv").symlink_to(outside)
    (confined.root / "folder").symlink_to(outside.parent)
    for given in (str(outside), "../other.csv", "link.csv", "folder/other.csv", str(confined.root / "link.csv")):
        refusal = ask("inspect_dataset", data=given).refusal
        assert "lies outside the folders that may be read" in refusal, given
        assert SECRET not in refusal


def test_a_file_that_is_not_there_is_refused_and_makes_no_run(ask, workspace: Workspace, earlier: Path) -> None:
    (workspace.root / "esol.csv").write_text("x,y\n1,2\n")
    for name in ("inspect_dataset", "train_model"):
        refusal = ask(name, data="esoll.csv").error
        assert "no file or folder 'esoll.csv'" in refusal
        assert "esol.csv" in refusal
    assert [path.name for path in workspace.runs.iterdir()] == [earlier.name]


def test_an_unknown_built_in_set_is_refused_with_the_near_name(ask) -> None:
    assert "did you mean 'digits'?" in ask("inspect_dataset", data="builtin:digit").refusal
