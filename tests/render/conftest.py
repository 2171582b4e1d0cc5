"""Made-up runs that several tests look at."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from scitrain.runs import Run


@pytest.fixture(scope="session")
def fabricated() -> ModuleType:
    path = Path(__file__).parents[1] / "figures" / "fabricated.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made(fabricated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return a run of each kind, made once; a test that changes one makes its own."""
    root = tmp_path_factory.mktemp("workspace")
    runs: dict[str, Run] = {}

    def of(kind: str) -> Run:
        if kind not in runs:
            runs[kind] = fabricated.fabricate(kind, root, n=80)
        return runs[kind]

    return of
