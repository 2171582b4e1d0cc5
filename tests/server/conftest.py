"""A server in memory, with operations whose end a test decides."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import ClassVar, Literal

import anyio.to_thread
import pytest
from mcp import Client
from pydantic import BaseModel, Field

from scitrain.contracts.operation import Job, JobResult, OnProgress, Query, Result
from scitrain.errors import DataError
from scitrain.runs import Progress, Run
from scitrain.spec import Spec
from scitrain.workspace import Workspace
from scitrain_server import Settings, build


class Part(Spec):
    kind: Literal["round", "square"] = "round"
    size: int = Field(1, ge=1)


class Row(BaseModel):
    name: str
    value: float | None


class Found(Result):
    number: float
    rows: list[Row] = []
    secret: float | None = None

    def summary(self) -> str:
        return f"found {self.number:g}"


class Probe(Query):
    """Answer what was asked."""

    number: int = Field(1, ge=0)
    """A number."""
    part: Part = Part()
    """A nested object."""
    names: list[str] = []
    """Some names."""
    end: Literal["well", "refuse", "bug", "disk", "nan", "nan_row"] = "well"
    """How it ends."""

    def execute(self, workspace: Workspace) -> Found:
        if self.end == "refuse":
            raise DataError("column 'x' is missing; did you mean 'y'?")
        if self.end == "bug":
            raise RuntimeError("the secret of line 12")
        if self.end == "disk":
            raise OSError(28, "No space left on device", str(workspace.root))
        bad = float("nan")
        rows = [Row(name="a", value=bad if self.end == "nan_row" else 2.0)]
        return Found(number=bad if self.end == "nan" else self.number, rows=rows)


class Patient(Query):
    """Wait until a file is there."""

    read_only: ClassVar[bool] = True
    mark: str
    """File in the workspace."""

    def wait(self, workspace: Workspace, on_progress: OnProgress | None = None) -> None:
        if on_progress is not None:
            on_progress(Progress(stage="train", done=3, total=50, message="loss 0.4"))
        import time

        for _ in range(2_000):
            if (workspace.root / self.mark).exists():
                return
            time.sleep(0.005)

    def execute(self, workspace: Workspace) -> Found:
        return Found(number=1)


class Drawn(JobResult):
    def summary(self) -> str:
        return f"drawn in {self.run_id}"


class Draw(Job):
    """Draw figures."""

    background: ClassVar[bool] = False
    skill: ClassVar[Literal["deep-learning"]] = "deep-learning"

    figures: int = 1
    """How many."""

    def execute(self, run: Run) -> Drawn:
        from PIL import Image

        for index in range(self.figures):
            run.progress("draw", index, self.figures)
            Image.new("RGB", (1600, 900), (index, 90, 160)).save(run.file(f"figures/f{index}.png"))
        run.write_json("results/metrics.json", {"rmse": 1.0})
        run.file("MODEL_CARD.md").write_text("# Card")
        return Drawn()


FAKES = {cls.name(): cls for cls in (Draw, Patient, Probe)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings that serve the operations of this file."""
    monkeypatch.setattr("scitrain_server.settings.OPERATIONS", dict(FAKES))
    return Settings(Workspace(workspace.root, ()))


Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def connect(settings: Settings) -> Connect:
    """Return a function that connects a client to a new server, of the current era or the legacy one."""

    @asynccontextmanager
    async def connected(era: str = "modern", served: Settings = settings) -> AsyncIterator[Client]:
        async with Client(build(served), **({"mode": "legacy"} if era == "legacy" else {})) as client:
            yield client

    return connected


async def touch(path: Path) -> None:
    """Make a file, off the event loop."""
    await anyio.to_thread.run_sync(path.touch)
