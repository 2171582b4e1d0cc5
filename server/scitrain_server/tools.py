"""Operations as tools: the operation's own schema, its own validation, its own errors."""

import errno
import logging
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field, SkipValidation

from scitrain.background import start
from scitrain.contracts.operation import Job, Operation, Started
from scitrain.errors import ScitrainError
from scitrain.request import parse
from scitrain.runs import Progress, Run
from scitrain.workspace import Workspace
from scitrain_server.answers import answer
from scitrain_server.progress import Latest, follow
from scitrain_server.settings import read_only

__all__ = ["OperationTool", "tools"]

logger = logging.getLogger(__name__)

DESCRIPTION_LIMIT = 2_047
"""Characters of a description that every host keeps."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _never_called() -> None:
    """Stand in for the function a tool is usually made from."""


class OperationTool(Tool):
    """Publishes an operation's schemas unchanged, validates with the operation itself, and answers with its result."""

    operation: SkipValidation[type[Operation]] = Field(exclude=True)
    workspace: SkipValidation[Workspace] = Field(exclude=True)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Schema of what is answered: the result class, `Started` for work in the background, or either."""
        if not issubclass(self.operation, Job) or (not self.operation.background and not _depends(self.operation)):
            return self.operation.result_type().model_json_schema(mode="serialization")
        if not _depends(self.operation):
            return Started.model_json_schema(mode="serialization")
        # What both have in common: a client that checks accepts either answer.
        shared = Started.model_json_schema(mode="serialization")
        return {"type": "object", "properties": {"run_id": shared["properties"]["run_id"], "next_step": shared["properties"]["next_step"]}}

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> CallToolResult:
        """Validate, do or start the work, answer; every mistake of the caller names the field and the mend.

        Raises:
            ToolError: What the caller can mend.
            UnexpectedToolError: A bug; the client reads no more than that, the log has the trace.
        """
        try:
            request = parse(self.operation, arguments)
            return await _perform(request, self.workspace, context)
        except ScitrainError as error:
            raise ToolError(str(error)) from None
        except OSError as error:
            raise ToolError(_disk(error, self.workspace)) from error
        except Exception as error:  # noqa: BLE001 - the boundary to the client, which must not read a stranger's message
            raise UnexpectedToolError(f"{self.name} failed unexpectedly; the server's log has the trace") from error


def tools(operations: dict[str, type[Operation]], workspace: Workspace) -> list[Tool]:
    """Return a tool an operation, in the order given."""
    placeholder = func_metadata(_never_called)
    return [_tool(name, operation, workspace, placeholder) for name, operation in operations.items()]


def _tool(name: str, operation: type[Operation], workspace: Workspace, placeholder: FuncMetadata) -> OperationTool:
    return OperationTool(
        fn=_never_called,
        fn_metadata=placeholder,
        is_async=False,
        name=name,
        title=operation.title or name.replace("_", " ").capitalize(),
        description=_description(operation),
        parameters=operation.model_json_schema(),
        annotations=_annotations(operation),
        operation=operation,
        workspace=workspace,
    )


def _description(operation: type[Operation]) -> str:
    text = " ".join((operation.__doc__ or "").split())
    return text if len(text) <= DESCRIPTION_LIMIT else f"{text[: DESCRIPTION_LIMIT - 1]}…"


def _annotations(operation: type[Operation]) -> ToolAnnotations:
    reads = read_only(operation)
    return ToolAnnotations(
        read_only_hint=reads,
        destructive_hint=bool(getattr(operation, "destructive", False)),
        idempotent_hint=bool(getattr(operation, "idempotent", reads)),
        open_world_hint=bool(getattr(operation, "open_world", False)),
    )


def _depends(operation: type[Job]) -> bool:
    """Tell whether the request decides if the work goes to the background."""
    return operation.in_background is not Job.in_background


async def _perform(request: Operation, workspace: Workspace, context: Context[Any, Any]) -> CallToolResult:
    """Start background work, or do the work in a thread while its progress is reported."""
    if isinstance(request, Job) and request.in_background():
        # Not abandoned when the client leaves: the run exists once its record does, so it must be submitted too.
        return await anyio.to_thread.run_sync(lambda: answer(start(request, workspace), workspace))
    latest = Latest()
    work = partial(request.run, workspace, latest.set) if isinstance(request, Job) else partial(request.run, workspace)
    return await follow(lambda: answer(work(), workspace), _watched(request, workspace) or latest, context)


def _watched(request: Operation, workspace: Workspace) -> Callable[[], Progress | None] | None:
    """Return the progress of the run that a request waits for, None where it waits for none."""
    run_id = getattr(request, "run_id", None)
    if not getattr(request, "wait_s", 0) or not isinstance(run_id, str):
        return None
    return Run.open(run_id, workspace).last_progress


def _disk(error: OSError, workspace: Workspace) -> str:
    if error.errno in DISK_FULL:
        return f"no space left for {error.filename or workspace.root}; free some or serve another --workspace, then send the request again"
    return f"{error.strerror or error}: {error.filename or workspace.root}; the file or the workspace cannot be used as it is"
