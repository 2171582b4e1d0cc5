"""One question asked through Python, the command line and an MCP client; what each says is compared by the tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from scitrain import cli
from scitrain.errors import ScitrainError
from scitrain.operations import OPERATIONS
from scitrain.workspace import Workspace
from scitrain_server import Settings, build


@dataclass(frozen=True)
class Answer:
    """What a face says."""

    error: str = ""
    value: dict[str, Any] = field(default_factory=dict)

    @property
    def refusal(self) -> str:
        """Why it was refused, or why `inspect_dataset` finds nothing that can be trained on."""
        return self.error or self.value.get("blocked") or ""


Ask = Callable[..., Answer]


def ask_python(workspace: Workspace, capsys: pytest.CaptureFixture[str], name: str, **arguments: Any) -> Answer:
    try:
        result = OPERATIONS[name](**arguments).run(Workspace.from_environment())
    except (ScitrainError, ValueError) as error:
        return Answer(str(error))
    return Answer(value=json.loads(result.model_dump_json()))


def ask_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str], name: str, **arguments: Any) -> Answer:
    words = [name.replace("_", "-")]
    for key, value in arguments.items():
        words += [f"--{key.replace('_', '-')}", *(value if isinstance(value, list) else [str(value)])]
    capsys.readouterr()
    status = cli.main([*words, "--json"])
    shown = capsys.readouterr()
    if status == 0:
        return Answer(value=json.loads(shown.out))
    assert status in (1, 2)
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return Answer(shown.err.strip())


def ask_client(workspace: Workspace, capsys: pytest.CaptureFixture[str], name: str, **arguments: Any) -> Answer:
    async def call() -> Answer:
        async with Client(build(Settings(Workspace(workspace.root, ())))) as client:
            reply = await client.call_tool(name, arguments)
        if reply.is_error:
            return Answer("\n".join(block.text for block in reply.content))  # type: ignore[union-attr]
        json.dumps(reply.structured_content, allow_nan=False)
        return Answer(value=reply.structured_content or {})

    return anyio.run(call)


FACES = {"python": ask_python, "command line": ask_command_line, "client": ask_client}


@pytest.fixture(params=list(FACES))
def ask(request: pytest.FixtureRequest, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return a function ``ask(operation, **arguments)`` of one face."""
    return partial(FACES[request.param], workspace, capsys)


@pytest.fixture
def earlier(workspace: Workspace) -> Path:
    """Return the folder of a run that was there before, and must be as it was."""
    folder = workspace.runs / "train_model-20260101T120000-0a1b2c3d"
    folder.mkdir(parents=True)
    (folder / "MODEL_CARD.md").write_text("# an earlier model")
    return folder
