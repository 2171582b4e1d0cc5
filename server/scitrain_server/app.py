"""The server: one `MCPServer` whose tools are the operations and whose resources are the runs' own files."""

import gc
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from threading import Thread
from typing import Any

import anyio
import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.types import (
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
    Tool,
)
from pydantic import AnyUrl

from scitrain.errors import ScitrainError
from scitrain_server import prompts, resources
from scitrain_server.auth import guard
from scitrain_server.completions import complete
from scitrain_server.settings import Settings, settings_from
from scitrain_server.skills import SkillsExtension
from scitrain_server.tasks import TasksExtension
from scitrain_server.tools import tools

__all__ = ["Application", "build", "main"]

INSTRUCTIONS = (
    "Trains, judges, explains and exports models of scientific tables, molecules, formulas and images. Begin with "
    "find_skill, or with inspect_dataset, which answers with ready-to-send train_model arguments. train_model answers "
    "at once with a run_id; get_run(run_id, wait_s=45) waits for it. Report metrics with their intervals, and whether "
    "the baselines were beaten."
)
LISTS = CacheHint(ttl_ms=3_600_000, scope="public")


class Application(MCPServer[None]):
    """The server of one workspace."""

    def __init__(self, settings: Settings) -> None:
        self.settings_used = settings
        self._reconciled = Reconciled(settings)
        super().__init__(
            "scitrain",
            title="scitrain",
            instructions=INSTRUCTIONS,
            version=version("scitrain"),
            tools=tools(settings.operations(), settings.workspace, settings.executor),
            extensions=[SkillsExtension(), TasksExtension(settings.workspace)],
            log_level="WARNING",
            cache_hints={"tools/list": LISTS, "prompts/list": LISTS, "resources/templates/list": LISTS},
            **guard(settings),
        )
        self.completion()(self._complete)  # type: ignore[no-untyped-call]  # the SDK's decorator has no types

    async def list_tools(self) -> list[Tool]:
        """List a tool an operation; then look after the runs that an earlier server left."""
        listed = await super().list_tools()
        self._reconciled.begin()
        return listed

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool once the records tell the truth about which runs are alive."""
        if not self._reconciled.done:
            await anyio.to_thread.run_sync(self._reconciled.wait)
        return await super().call_tool(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        """List the skills and the newest runs."""
        return await anyio.to_thread.run_sync(resources.listing, self.settings_used.workspace)

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """List how URIs of runs, their files and skills are made."""
        return resources.templates()

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[None, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a file of a run or of a skill."""
        return [await anyio.to_thread.run_sync(resources.read, str(uri), self.settings_used.workspace)]

    async def list_prompts(self) -> list[Prompt]:
        """List the skills' workflows."""
        return await anyio.to_thread.run_sync(prompts.listing)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[None, Any] | None = None
    ) -> GetPromptResult:
        """Fill in a workflow."""
        return await anyio.to_thread.run_sync(prompts.render, name, arguments or {})

    async def _complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        given = (context.arguments if context else None) or {}
        return await anyio.to_thread.run_sync(
            complete, argument.name, argument.value, given, self.settings_used.workspace
        )


class Reconciled:
    """The look at which runs are still alive: begun once, in a thread, after the first list is answered."""

    def __init__(self, settings: Settings) -> None:
        self._thread = Thread(target=partial(_reconcile, settings), name="reconcile", daemon=True)

    @property
    def done(self) -> bool:
        """Whether the records tell the truth already."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def begin(self) -> None:
        """Begin, where nobody has."""
        if self._thread.ident is None:
            self._thread.start()

    def wait(self) -> None:
        """Return once it is done."""
        self.begin()
        self._thread.join()


def build(settings: Settings) -> Application:
    """Make the server; nothing is read or written yet."""
    return Application(settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the client leaves; returns 2 where the request is unsafe or wrong."""
    try:
        settings = settings_from(sys.argv[1:] if argv is None else argv)
    except ScitrainError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SystemExit as stop:
        return int(stop.code or 0)
    server = build(settings)
    gc.freeze()
    gc.enable()
    if not settings.http:
        # A client that is gone reads no answer: the end of the conversation, and no fault. A task group raises groups.
        try:
            server.run("stdio")
        except* (BrokenPipeError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            sys.stderr.write("the client is gone; background runs go on\n")
        return 0
    try:
        # Only where it is asked for: the packages of HTTP would slow the start over stdio down.
        import_module("scitrain_server.http").serve_http(server, settings)
    except ScitrainError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _reconcile(settings: Settings) -> None:
    from scitrain.reconcile import reconcile

    reconcile(settings.workspace)
