"""Hold the worked chat of the README with a real server over stdio, and print its transcript as Markdown.

    python docs/worked_chat.py esol.csv logSolubility

The file is copied into a workspace of its own; what is printed is what the server answered, cut where it is long.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, ImageContent, ResourceLink, TextContent

LONGEST = 1_400
"""Characters of an answer that are shown."""


def shown(result: CallToolResult) -> str:
    """Return the text of an answer, and a line for its pictures and links."""
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    pictures = sum(isinstance(part, ImageContent) for part in result.content)
    links = [part.name for part in result.content if isinstance(part, ResourceLink)]
    cut = text if len(text) <= LONGEST else text[:LONGEST].rsplit("\n", 1)[0] + "\n…"
    more = ([f"[{pictures} pictures]"] if pictures else []) + ([f"[links: {', '.join(links[:6])} …]"] if links else [])
    return "\n".join([cut, *more])


class Chat:
    """Calls tools and prints what is said."""

    def __init__(self, client: Client, workspace: Path) -> None:
        self.client = client
        self.workspace = workspace

    async def call(self, tool: str, **arguments: object) -> dict[str, object]:
        """Call a tool, print call and answer, and return its structured content."""
        result = await self.client.call_tool(tool, arguments, read_timeout_seconds=600)
        words = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
        text = shown(result).replace(str(self.workspace), "WORKSPACE")
        print(f"**→ `{tool}({words})`**\n\n```text\n{text}\n```\n")
        return dict(result.structured_content or {})


async def hold(data: str, target: str, workspace: Path) -> None:
    """Go from the question to the exported model."""
    command = [sys.executable, "-m", "scitrain", "serve", "--workspace", str(workspace)]
    async with Client(StdioServerParameters(command=command[0], args=command[1:])) as client:
        chat = Chat(client, workspace)
        print(f"> build a solubility model from {data} and tell me how far to trust it\n")
        await chat.call("find_skill", request=f"build a solubility model from {data} and tell me how far to trust it")
        await chat.call("inspect_dataset", data=data, target=target)
        run = (await chat.call("train_model", data=data, target=target, unit="log10(mol/L)"))["run_id"]
        status = "queued"
        while status in ("queued", "running"):
            status = str((await chat.call("get_run", run_id=run, wait_s=45))["status"])
        judged = (await chat.call("evaluate_model", run=run))["run_id"]
        status = "queued"
        while status in ("queued", "running"):
            status = str((await chat.call("get_run", run_id=judged, wait_s=45))["status"])
        await chat.call("predict", run=run, inputs=["CCO", "CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1C("])
        exported = (await chat.call("export_model", run=run, formats=["onnx", "bundle"]))["run_id"]
        status = "queued"
        while status in ("queued", "running"):
            status = str((await chat.call("get_run", run_id=exported, wait_s=45))["status"])


def main() -> None:
    """Hold the chat on the file and target named on the command line."""
    source, target = Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, Path(folder) / source.name)
        anyio.run(hold, source.name, target, Path(folder))


if __name__ == "__main__":
    main()
