"""Files of runs at ``run://ID/PATH`` and of skills at ``skill://NAME/PATH``."""

import json
from pathlib import Path
from urllib.parse import unquote

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Resource, ResourceTemplate

from scitrain.errors import RunNotFoundError
from scitrain.runs import Run, run_ids
from scitrain.workspace import Workspace
from scitrain_server.answers import media_type
from scitrain_server.skills import load_skills

__all__ = ["FILE_TEMPLATE", "RUN_TEMPLATE", "listing", "read", "templates"]

RUN_TEMPLATE = "run://{run_id}"
FILE_TEMPLATE = "run://{run_id}/{+path}"
LISTED_RUNS = 20
LIMIT = 16 * 1024 * 1024
"""Bytes of a file that are sent through the protocol."""
TEXT = ("text/", "application/json", "application/jsonl", "application/xml")


def listing(workspace: Workspace, skills: Path | None = None) -> list[Resource]:
    """Return the skills' cards and the newest runs."""
    cards = [
        Resource(uri=skill.uri, name=skill.name, description=skill.description, mime_type="text/markdown")
        for skill in load_skills(skills)
    ]
    runs = [
        Resource(uri=f"run://{run_id}", name=run_id, description="Files of this run.", mime_type="application/json")
        for run_id in run_ids(workspace)[:LISTED_RUNS]
    ]
    return [*cards, *runs]


def templates() -> list[ResourceTemplate]:
    """Return how the URI of a run and of a file of it is made."""
    return [
        ResourceTemplate(
            uri_template=RUN_TEMPLATE,
            name="run",
            title="A run",
            description="Status and files of a run.",
            mime_type="application/json",
        ),
        ResourceTemplate(
            uri_template=FILE_TEMPLATE,
            name="run-file",
            title="A file of a run",
            description="Record, results, figures (PNG), models, model card.",
        ),
        ResourceTemplate(
            uri_template="skill://{name}/{+path}",
            name="skill-file",
            title="A file of a skill",
            description="SKILL.md and what it refers to.",
        ),
    ]


def read(uri: str, workspace: Workspace, skills: Path | None = None) -> ReadResourceContents:
    """Read one resource.

    Raises:
        ResourceNotFoundError: Nothing is served under this URI; says what there is.
        ResourceError: The file is too large to be sent; says where it lies.
    """
    scheme, _, rest = uri.partition("://")
    head, _, path = (unquote(part) for part in rest.partition("/"))
    if scheme == "run":
        return _run_file(_run(head, workspace), path)
    if scheme == "skill":
        return _skill_file(uri, skills)
    raise ResourceNotFoundError(
        f"Unknown resource: {uri}; resources are run://RUN_ID, run://RUN_ID/PATH and skill://NAME/PATH"
    )


def _run(run_id: str, workspace: Workspace) -> Run:
    try:
        return Run.open(run_id, workspace)
    except RunNotFoundError as error:
        raise ResourceNotFoundError(str(error)) from None


def _run_file(run: Run, path: str) -> ReadResourceContents:
    if not path:
        return ReadResourceContents(_card(run), "application/json")
    # Only names that the run itself lists are opened, so that no spelling of a path, and no link, can lead elsewhere.
    names = run.artifacts()
    if path not in names:
        raise ResourceNotFoundError(f"run {run.id!r} has no file {path!r}; it has {', '.join(names) or 'none'}")
    return _contents(run.path / path)


def _skill_file(uri: str, skills: Path | None) -> ReadResourceContents:
    files = {known: path for skill in load_skills(skills) for known, path in skill.files().items()}
    if uri not in files:
        raise ResourceNotFoundError(f"no skill file {uri!r}; there are {', '.join(files) or 'none'}")
    return _contents(files[uri])


def _contents(path: Path) -> ReadResourceContents:
    size = path.stat().st_size
    if size > LIMIT:
        raise ResourceError(
            f"{path.name} has {size / 2**20:.0f} MiB, more than the {LIMIT >> 20} MiB that are sent; open it at {path}"
        )
    kind = media_type(path.name)
    data = path.read_bytes()
    if kind.startswith(TEXT):
        return ReadResourceContents(data.decode("utf-8", errors="replace"), kind)
    return ReadResourceContents(data, kind)


def _card(run: Run) -> str:
    """Return status and files of a run as JSON."""
    record = run.record()
    files = [
        {"uri": f"run://{run.id}/{name}", "bytes": size, "mime_type": media_type(name)}
        for name, size in run.artifact_sizes()
    ]
    card = {
        "run_id": run.id,
        "operation": record.operation,
        "status": record.status,
        "created": record.created,
        "files": files,
    }
    return json.dumps(card, indent=2)
