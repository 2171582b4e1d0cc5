"""Operations as tools: the operation's own schema, its own validation, its own errors."""

from functools import cached_property
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field, SkipValidation

from scitrain.contracts.operation import NO_SPACE, Job, Operation, Started
from scitrain.errors import ScitrainError
from scitrain.executors import EXECUTORS
from scitrain.request import parse
from scitrain.workspace import Workspace
from scitrain_server.answers import answer
from scitrain_server.progress import Latest, follow

__all__ = ["OperationTool", "tools"]

DESCRIPTION_LIMIT = 2_047
"""Characters of a description that every host keeps."""


def _never_called() -> None:
    """Stand in for the function a tool is usually made from."""


class OperationTool(Tool):
    """Publishes an operation's schemas unchanged, validates with the operation itself, and answers with its result."""

    operation: SkipValidation[type[Operation]] = Field(exclude=True)
    workspace: SkipValidation[Workspace] = Field(exclude=True)
    executor: str = Field("local", exclude=True)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Schema of what is answered: the result class, `Started` for work in the background, or either."""
        if not issubclass(self.operation, Job) or (not self.operation.background and not _depends(self.operation)):
            return self.operation.result_type().model_json_schema(mode="serialization")
        if not _depends(self.operation):
            return Started.model_json_schema(mode="serialization")
        # What both have in common: a client that checks accepts either answer.
        shared = Started.model_json_schema(mode="serialization")
        return {
            "type": "object",
            "properties": {"run_id": shared["properties"]["run_id"], "next_step": shared["properties"]["next_step"]},
        }

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> CallToolResult:
        """Validate, do or start the work, answer; every mistake of the caller names the field and the mend.

        Raises:
            ToolError: What the caller can mend.
            UnexpectedToolError: A bug; the client reads no more than that, the log has the trace.
        """
        try:
            request = parse(self.operation, arguments)
            return await self._perform(request, context)
        except ScitrainError as error:
            raise ToolError(str(error)) from None
        except OSError as error:
            raise ToolError(_disk(error, self.workspace)) from error
        except Exception as error:
            # The boundary to the client, which must not read the message of a bug.
            raise UnexpectedToolError(f"{self.name} failed unexpectedly; the server's log has the trace") from error

    async def _perform(self, request: Operation, context: Context[Any, Any]) -> CallToolResult:
        """Start the work in a process of its own, or do it in a thread while its progress is reported."""
        latest = Latest()
        executor = EXECUTORS[self.executor]
        return await follow(
            lambda: answer(request.start(self.workspace, executor, latest.set), self.workspace), latest, context
        )


def tools(operations: dict[str, type[Operation]], workspace: Workspace, executor: str = "local") -> list[Tool]:
    """Return a tool an operation, in the order given; ``executor`` does the background work."""
    placeholder = func_metadata(_never_called)
    made = [_tool(name, operation, workspace, placeholder) for name, operation in operations.items()]
    return [tool.model_copy(update={"executor": executor}) for tool in made]


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
    return ToolAnnotations(
        read_only_hint=operation.read_only,
        destructive_hint=operation.destructive,
        # said where it tells something: by the specification it is false, and of what only reads it means nothing
        idempotent_hint=True if operation.idempotent and not operation.read_only else None,
        open_world_hint=False,
    )


def _depends(operation: type[Job]) -> bool:
    """Tell whether the request decides if the work goes to the background."""
    return operation.in_background is not Job.in_background


def _disk(error: OSError, workspace: Workspace) -> str:
    place = error.filename or workspace.root
    if error.errno in NO_SPACE:
        return f"no space left for {place}; free some, or serve another --workspace, then send the request again"
    return f"{error.strerror or error}: {place}; the file or the workspace cannot be used as it is"
