import os
from pathlib import Path

import pytest

from scitrain.errors import PathNotAllowedError, ScitrainError
from scitrain.workspace import Workspace


@pytest.fixture
def confined(tmp_path: Path) -> Workspace:
    for name in ("space", "data", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.csv").write_text("x\n1\n")
    return Workspace(tmp_path / "space", (tmp_path / "data",))


def test_the_environment_says_where_and_what_may_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SCITRAIN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("SCITRAIN_DATA_ROOTS", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    found = Workspace.from_environment()
    assert found == Workspace(tmp_path / "w", (tmp_path / "a", tmp_path / "b"))


def test_a_child_process_gets_the_same_workspace(confined, monkeypatch):
    for name, value in confined.environment().items():
        monkeypatch.setenv(name, value)
    assert Workspace.from_environment() == confined


def test_no_variable_takes_the_default_and_reads_anywhere(tmp_path, monkeypatch):
    monkeypatch.delenv("SCITRAIN_WORKSPACE", raising=False)
    monkeypatch.delenv("SCITRAIN_DATA_ROOTS", raising=False)
    found = Workspace.from_environment(tmp_path / "default")
    assert found == Workspace(tmp_path / "default")
    assert "SCITRAIN_DATA_ROOTS" not in found.environment()


def test_an_empty_list_of_roots_confines_to_the_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("SCITRAIN_DATA_ROOTS", "")
    assert Workspace.from_environment(tmp_path).data_roots == ()


def test_files_are_found_in_the_workspace_and_the_roots(confined, tmp_path):
    assert confined.readable("space.csv") == tmp_path / "space" / "space.csv"
    assert confined.readable("data.csv") == tmp_path / "data" / "data.csv"
    assert confined.readable(tmp_path / "data" / "data.csv") == tmp_path / "data" / "data.csv"


@pytest.mark.parametrize("path", ["../elsewhere/elsewhere.csv", "/etc/passwd", "~/x", "../../x"])
def test_a_path_outside_is_refused_with_what_to_do(confined, path):
    with pytest.raises(PathNotAllowedError, match="--data-root"):
        confined.readable(path)


def test_a_link_that_leads_out_is_refused(confined, tmp_path):
    (tmp_path / "space" / "link.csv").symlink_to(tmp_path / "elsewhere" / "elsewhere.csv")
    with pytest.raises(PathNotAllowedError):
        confined.readable("link.csv")


def test_a_link_that_goes_in_a_circle_is_refused(confined, tmp_path):
    (tmp_path / "space" / "a").symlink_to(tmp_path / "space" / "b")
    (tmp_path / "space" / "b").symlink_to(tmp_path / "space" / "a")
    with pytest.raises(ScitrainError):
        confined.readable("a")


def test_a_path_with_a_null_byte_is_refused(confined):
    with pytest.raises(PathNotAllowedError, match="no usable path"):
        confined.readable("a\0b")


def test_a_missing_file_names_what_lies_there(confined):
    with pytest.raises(ScitrainError, match=r"no file or folder 'spce\.csv'.*space\.csv"):
        confined.readable("spce.csv")


def test_without_confinement_a_relative_path_is_looked_for_in_the_current_folder_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("x")
    assert Workspace(tmp_path / "w").readable("a.csv") == tmp_path / "a.csv"


def test_only_below_the_workspace_may_be_written(confined, tmp_path):
    assert confined.writable("out/a.csv") == tmp_path / "space" / "out" / "a.csv"
    for bad in ("../a.csv", "/tmp/a.csv"):
        with pytest.raises(PathNotAllowedError, match="out of the workspace"):
            confined.writable(bad)


@pytest.mark.parametrize("path", ["runs/train_model-x/results/predictions.csv", "out/../datasets/a.csv", "runs"])
def test_what_runs_and_prepared_data_hold_is_not_written_over(confined, path):
    with pytest.raises(PathNotAllowedError, match="where the records are"):
        confined.writable(path)
