"""Imports run one way, plug-ins do not know one another, and what is only declared stays light."""

import ast
import logging
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "toolkit" / "scitrain"
PLUGIN_FOLDERS = ("operations", "modalities", "models", "exporters", "executors")


def public(folder: str) -> list[Path]:
    return sorted(path for path in (PACKAGE / folder).glob("*.py") if not path.name.startswith("_"))


def imported(path: Path) -> set[str]:
    """Return every module named in an import, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.fixture
def loggers_kept() -> Iterator[None]:
    """import-linter configures logging, which silences every logger that is there already."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.usefixtures("loggers_kept")
def test_imports_run_one_way(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    status = lint_imports(config_filename=str(REPOSITORY / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_module_has_a_place_in_the_layers() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    named = {
        word.strip("() ") for contract in contracts for layer in contract.get("layers", []) for word in layer.split("|")
    }
    here = {
        f"scitrain.{path.stem}"
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert here - named - {"scitrain.__init__", "scitrain.__main__"} == set()


@pytest.mark.parametrize("folder", PLUGIN_FOLDERS)
def test_a_plug_in_knows_no_other_of_its_kind(folder: str) -> None:
    names = {f"scitrain.{folder}.{path.stem}" for path in public(folder)}
    crossed = {path.stem: sorted(imported(path) & names) for path in public(folder)}
    assert {name: others for name, others in crossed.items() if others} == {}


def test_the_registry_names_no_plug_in() -> None:
    """A new file is all it takes: no list is edited."""
    for folder in PLUGIN_FOLDERS:
        names = {f"scitrain.{folder}.{path.stem}" for path in public(folder)}
        assert imported(PACKAGE / folder / "__init__.py") & names == set()


def test_the_server_holds_no_science() -> None:
    science = {"numpy", "torch", "rdkit", "pymatgen", "sklearn", "scipy", "pandas", "pyarrow", "onnxruntime"}
    for path in (REPOSITORY / "server").rglob("*.py"):
        assert {name.split(".")[0] for name in imported(path)} & science == set(), os.fspath(path)
