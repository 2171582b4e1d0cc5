from pathlib import Path

import pytest

from scitrain import shipped as module
from scitrain.shipped import shipped


@pytest.mark.parametrize(("name", "holds"), [("skills", "deep-learning/SKILL.md"), ("templates", "report.html.j2")])
def test_folders_are_found_beside_the_sources(name: str, holds: str) -> None:
    assert (shipped(name) / holds).is_file()


def test_an_installed_package_carries_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_data" / "skills").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "shipped.py"))
    assert shipped("skills") == tmp_path / "_data" / "skills"
