"""Runs as tasks of MCP (SEP-2663), for clients that declare the extension; a task is a view of a run, not a second store."""

from collections.abc import Sequence
from typing import Any

import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, RequestParams
from pydantic import ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from scitrain.errors import RunNotFoundError
from scitrain.executors import EXECUTORS
from scitrain.operations.get_run import GetRun
from scitrain.reconcile import current
from scitrain.runs import TERMINAL, Run, RunRecord, utc_now
from scitrain.workspace import Workspace
from scitrain_server.answers import answer

__all__ = ["TasksExtension"]

POLL_MS = 3_000
HEADER_MISMATCH = -32020
VERSIONS = frozenset({"2026-07-28"})
STATUS = {"queued": "working", "running": "working", "completed": "completed", "cancelled": "cancelled"}
"""A run that failed is a task that completed with an error the model can read: `failed` is for the protocol's own errors."""


class TaskParams(RequestParams):
    """Parameters of the methods; answers to questions are accepted and not needed, for no run asks any."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)

    task_id: str


class TasksExtension(Extension):
    """``tasks/get``, ``tasks/update``, ``tasks/cancel``, and a task in place of the answer of a tool that starts a run."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def methods(self) -> Sequence[MethodBinding]:
        """Return the three methods."""
        bound = {"tasks/get": self._get, "tasks/update": self._update, "tasks/cancel": self._cancel}
        return [MethodBinding(method, TaskParams, handler, VERSIONS) for method, handler in bound.items()]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Answer a task where the client knows tasks and the tool started a run that goes on."""
        result = await call_next(ctx)
        run_id = _started(result) if self._declared(ctx) else None
        if run_id is None:
            return result
        record = await anyio.to_thread.run_sync(lambda: Run.open(run_id, self._workspace).record())
        return {"resultType": "task", **_task(record)}

    def _declared(self, ctx: ServerRequestContext[Any, Any]) -> bool:
        capabilities = ctx.session.client_capabilities
        return self.identifier in ((capabilities.extensions if capabilities else None) or {})

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> dict[str, JsonValue]:
        run = self._run(ctx, params)
        return await anyio.to_thread.run_sync(self._described, run)

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> dict[str, JsonValue]:
        self._run(ctx, params)
        return {"resultType": "complete"}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> dict[str, JsonValue]:
        run = self._run(ctx, params)
        record = await anyio.to_thread.run_sync(current, run)
        if record.status not in TERMINAL:
            await anyio.to_thread.run_sync(EXECUTORS[record.executor].cancel, run)
        return {"resultType": "complete"}

    def _run(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Run:
        """Return the run that a task is a view of.

        Raises:
            MCPError: The client has not declared the extension, its header names another task, or there is no such run.
        """
        require_client_extension(ctx, self.identifier)
        headers = getattr(ctx.request, "headers", None) or {}
        if headers.get("mcp-name", params.task_id) != params.task_id:
            raise MCPError(code=HEADER_MISMATCH, message="the header mcp-name is not the taskId")
        try:
            return Run.open(params.task_id, self._workspace)
        except RunNotFoundError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from None

    def _described(self, run: Run) -> dict[str, JsonValue]:
        """Return the task, with the answer of ``get_run`` once it has ended."""
        record = current(run)
        task = {"resultType": "complete", **_task(record)}
        if task["status"] == "completed":
            said = answer(GetRun(run_id=run.id).run(self._workspace), self._workspace)
            said.is_error = record.status != "completed"
            task["result"] = said.model_dump(mode="json", by_alias=True, exclude_none=True)
        return task


def _task(record: RunRecord) -> dict[str, JsonValue]:
    return {
        "taskId": record.run_id,
        "status": STATUS.get(record.status, "completed"),
        "createdAt": record.created,
        "lastUpdatedAt": record.ended or utc_now(),
        "ttlMs": None,
        "pollIntervalMs": POLL_MS,
    }


def _started(result: HandlerResult) -> str | None:
    """Return the id of a run that goes on, where a tool answered with one."""
    said = result.structured_content if isinstance(result, CallToolResult) else None
    if not isinstance(said, dict) or said.get("status") not in ("queued", "running") or "eta_s" not in said:
        return None
    return str(said["run_id"])
