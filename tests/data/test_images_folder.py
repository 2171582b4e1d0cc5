"""Folders of images and index files that name images."""

from pathlib import Path

import pytest
from PIL import Image

from scitrain.data.read import fingerprint, read
from scitrain.errors import DataError, PathNotAllowedError
from scitrain.workspace import Workspace


def image(path: Path, grey: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), grey).save(path)
    return path


def test_sub_folders_are_the_labels(workspace: Workspace) -> None:
    folder = workspace.root / "pictures"
    image(folder / "cat" / "1.png")
    image(folder / "dog" / "1.png")
    (folder / "dog" / "readme.txt").write_text("no image")
    source = read(str(folder), workspace)
    assert list(source.columns["label"]) == ["cat", "dog"]
    assert source.default_target == "label"
    assert all(Path(cell).is_absolute() for cell in source.columns["image"])


def test_split_folders_become_a_column(workspace: Workspace) -> None:
    folder = workspace.root / "pictures"
    for part in ("train", "val", "test"):
        image(folder / part / "cat" / "1.png")
    source = read(str(folder), workspace)
    assert list(source.columns["split"]) == ["test", "train", "val"]
    assert set(source.columns["label"]) == {"cat"}


def test_an_index_file_names_images_from_its_own_folder(workspace: Workspace) -> None:
    folder = workspace.root / "pictures"
    path = image(folder / "raw" / "1.png")
    (folder / "index.csv").write_text("file,strength (MPa)\nraw/1.png,3.5\n")
    for named in (folder, folder / "index.csv"):
        source = read(str(named), workspace)
        assert list(source.columns["file"]) == [str(path)]
        assert source.units == {"strength (MPa)": "MPa"}


def test_a_folder_without_images_is_refused(workspace: Workspace) -> None:
    folder = workspace.root / "empty"
    folder.mkdir()
    with pytest.raises(DataError, match="no image"):
        read(str(folder), workspace)


def test_a_folder_with_two_tables_is_ambiguous(workspace: Workspace) -> None:
    folder = workspace.root / "two"
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "b.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"a\.csv, b\.csv"):
        read(str(folder), workspace)


def test_images_that_lead_out_of_the_data_roots_are_refused(tmp_path: Path) -> None:
    secret = image(tmp_path / "secret" / "1.png")
    folder = tmp_path / "workspace" / "pictures"
    image(folder / "cat" / "1.png")
    confined = Workspace(tmp_path / "workspace", data_roots=())
    (folder / "index.csv").write_text("file,y\n../../secret/1.png,1\n")
    with pytest.raises(PathNotAllowedError):
        read(str(folder), confined)
    (folder / "index.csv").unlink()
    (folder / "cat" / "2.png").symlink_to(secret)
    with pytest.raises(PathNotAllowedError):
        read(str(folder), confined)


def test_the_fingerprint_changes_with_a_pixel(workspace: Workspace) -> None:
    folder = workspace.root / "pictures"
    image(folder / "cat" / "1.png", 100)
    before = fingerprint(str(folder), workspace)
    image(folder / "cat" / "1.png", 101)
    assert fingerprint(str(folder), workspace) != before
