"""What a client gets: a few words, the whole as structured content, links to the files, and a few pictures."""

import base64
import io
import json
import logging
import math
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import cast

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from pydantic import JsonValue, ValidationError

from scitrain.contracts.operation import Result
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["answer", "media_type"]

logger = logging.getLogger(__name__)

TEXT_LIMIT = 20_000
"""Characters; hosts keep about 25,000 tokens of an answer."""
LINKS = 16
PICTURES = 3
PIXELS = 800
"""Longest side of a picture in an answer; the file itself is a resource."""
TOLD_FIRST = ("comparison", "parity", "confusion_matrix", "roc_pr", "dl_learning_curve", "calibration", "residuals")
LINKED_FIRST = ("MODEL_CARD.md", "report.html", "results/metrics.json", "results/predictions.csv")
TYPES = {
    ".md": "text/markdown",
    ".jsonl": "application/jsonl",
    ".csv": "text/csv",
    ".json": "application/json",
    ".py": "text/x-python",
}


def answer(result: Result, workspace: Workspace) -> CallToolResult:
    """Turn a result into a tool's answer."""
    content: list[ContentBlock] = [TextContent(type="text", text=_cut(result.summary()))]
    run = _finished_run(result, workspace)
    if run is not None:
        files = dict(run.artifact_sizes())
        content += [_link(run, name, files[name]) for name in sorted(files, key=_link_rank)[:LINKS]]
        figures = sorted(
            (name for name in files if name.startswith("figures/") and name.endswith(".png")), key=_figure_rank
        )
        content += [picture for name in figures[:PICTURES] if (picture := _picture(run.path / name))]
    return CallToolResult(content=content, structured_content=_structured(result))


def media_type(name: str) -> str:
    """Return the media type of a file by its name."""
    suffix = Path(name).suffix.lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _finished_run(result: Result, workspace: Workspace) -> Run | None:
    """Return the run a result speaks of, where it is completed."""
    run_id = getattr(result, "run_id", None)
    if not run_id or getattr(result, "status", "completed") != "completed":
        return None
    return Run.open(run_id, workspace)


def _structured(result: Result) -> dict[str, JsonValue]:
    """Return finite JSON.

    Raises:
        ValidationError: A number that must be there is not finite; that is a bug of the operation, not of the request.
    """
    plain: dict[str, JsonValue] = result.model_dump(mode="json", by_alias=True)
    try:
        json.dumps(plain, allow_nan=False)
    except ValueError:
        return _mended(result, plain)
    return plain


def _mended(result: Result, plain: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Put null for each number that is not finite, where the result allows null there."""
    lost: list[str] = []
    clean = cast("dict[str, JsonValue]", _finite(plain, "", lost))
    if lost:
        logger.warning("%s: not finite, sent as null: %s", type(result).__name__, ", ".join(lost))
        try:
            type(result).model_validate(clean)
        except ValidationError:
            logger.exception("%s cannot be sent", type(result).__name__)
            raise
    return clean


def _finite(value: JsonValue, where: str, lost: list[str]) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        lost.append(where)
        return None
    if isinstance(value, dict):
        return {key: _finite(item, f"{where}.{key}" if where else key, lost) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item, f"{where}[{index}]", lost) for index, item in enumerate(value)]
    return value


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}… (cut; the structured content has it all)"


def _link_rank(name: str) -> tuple[int, str]:
    return (
        LINKED_FIRST.index(name)
        if name in LINKED_FIRST
        else len(LINKED_FIRST) + (not name.startswith(("models/", "figures/"))),
        name,
    )


def _figure_rank(name: str) -> tuple[int, str]:
    stem = Path(name).stem
    return (TOLD_FIRST.index(stem) if stem in TOLD_FIRST else len(TOLD_FIRST), name)


def _link(run: Run, name: str, size: int) -> ResourceLink:
    return ResourceLink(
        type="resource_link", uri=f"run://{run.id}/{name}", name=name, mime_type=media_type(name), size=size
    )


def _picture(path: Path) -> ImageContent | None:
    """Return a figure small enough for a chat, None where it is no picture that can be read."""
    status = path.stat()
    data = _thumbnail(path, status.st_mtime_ns, status.st_size)
    return ImageContent(type="image", data=data, mime_type="image/png") if data else None


@lru_cache(maxsize=64)
def _thumbnail(path: Path, changed: int, size: int) -> str | None:
    """Return base64 PNG; ``changed`` and ``size`` keep a redrawn figure from being answered with the old one."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.thumbnail((PIXELS, PIXELS))
            # A figure has few colours: a palette of 128 makes a quarter of the bytes and looks the same.
            small = image.convert("RGB").quantize(128)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
