"""Fixtures that tests of several folders share."""

import importlib.util
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

import scitrain.operations  # noqa: F401  # before the test plug-in, so that OPERATIONS holds only what ships
from scitrain.discovery import PLUGINS_VARIABLE, load_plugins
from scitrain.runs import Run
from scitrain.workspace import DATA_ROOTS_VARIABLE, ROOT_VARIABLE, Workspace

# the same examples each time, and no clock: what fails here fails everywhere
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# a shell starts what stands in its background deaf to Ctrl-C, and the processes that tests start would be so too
signal.signal(signal.SIGINT, signal.default_int_handler)

TINY = Path(__file__).parent / "plugins" / "tiny_operations.py"
LONGEST_WAIT_S = 60
"""Bound on waiting for another process; no test takes so long unless it fails."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return an empty workspace, which is the environment's too; one run works at a time in it."""
    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.delenv(DATA_ROOTS_VARIABLE, raising=False)
    monkeypatch.setenv("SCITRAIN_SLOTS", "1")
    return Workspace(root)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the plug-in with the job whose end the test decides, known to this process and to workers."""
    monkeypatch.setenv(PLUGINS_VARIABLE, str(TINY))
    load_plugins("scitrain.operations")
    return sys.modules["scitrain_plugin_tiny_operations"]


class Gate:
    """A pair of named pipes by which a test knows that a job has come to a point, and lets it go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        os.mkfifo(f"{path}.go")
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait(self) -> str:
        """Wait until a job is at the gate; returns its run id."""
        ready, _, _ = select.select([self._reader], [], [], LONGEST_WAIT_S)
        assert ready, "no job came to the gate"
        return os.read(self._reader, 200).decode().strip()

    def open(self) -> None:
        """Let the job that waits go on."""
        with Path(f"{self.path}.go").open("w") as pipe:
            pipe.write("x")

    def close(self) -> None:
        os.close(self._reader)


@pytest.fixture
def gates(tmp_path: Path):
    """Return a function that makes a gate."""
    made: list[Gate] = []

    def make(name: str = "gate") -> Gate:
        made.append(Gate(tmp_path / name))
        return made[-1]

    yield make
    for gate in made:
        gate.close()


GateMaker = Callable[..., Gate]


def helper(name: str) -> ModuleType:
    """Import a file of helpers below ``tests``, once."""
    path = Path(__file__).parent / name
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    return sys.modules[path.stem]


@pytest.fixture(scope="session")
def trained() -> ModuleType:
    """Return the factory of small trained runs."""
    return helper("trained.py")


@pytest.fixture(scope="session")
def pretrained() -> ModuleType:
    """Return the factory of small pretrained models."""
    return helper("pretrained.py")


@pytest.fixture(scope="session")
def fabricated() -> ModuleType:
    """Return the factory of made-up runs of every kind."""
    return helper("figures/fabricated.py")


@pytest.fixture(scope="module")
def made(fabricated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return a made-up run of each kind, made once a module; a test that changes one makes its own."""
    root = tmp_path_factory.mktemp("workspace")
    runs: dict[str, Run] = {}

    def of(kind: str) -> Run:
        if kind not in runs:
            runs[kind] = fabricated.fabricate(kind, root, n=80)
        return runs[kind]

    return of
