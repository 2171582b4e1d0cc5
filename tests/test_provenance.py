import subprocess
import sys

import pytest

from scitrain.provenance import provenance


def test_versions_are_told_without_importing_what_they_are_of():
    code = "import sys; from scitrain.provenance import provenance; provenance(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert {"scitrain", "torch", "numpy"} <= set(provenance()["packages"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["/usr/bin/scitrain", "serve", "--token", "s3cret"], ["scitrain", "serve", "--token", "…"]),
        (["scitrain", "--api-key=s3cret", "x"], ["scitrain", "--api-key=…", "x"]),
        (["scitrain", "train-model", "--data", "a.csv"], ["scitrain", "train-model", "--data", "a.csv"]),
    ],
)
def test_secrets_of_the_command_line_are_left_out(monkeypatch, given, told):
    monkeypatch.setattr(sys, "argv", given)
    assert provenance()["command"] == told


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance()["git"] is None


def test_a_missing_git_is_no_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance()["git"] is None
