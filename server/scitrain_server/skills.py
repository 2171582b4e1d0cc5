"""The skills' files, served as resources and through the skills extension of MCP (SEP-2640)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PaginatedRequestParams, RequestParams
from pydantic import BaseModel, ConfigDict

from scitrain.shipped import shipped

__all__ = ["PromptArgument", "PromptText", "Skill", "SkillsExtension", "load_skills"]

TTL_MS = 3_600_000
"""How long a client may keep the list: skills change with an installation, not while it serves."""
CARD = "SKILL.md"
MANIFEST = "manifest.yaml"
SERVED = ("references", "scripts", "assets")
"""Folders of a skill that its card may name; evaluations and the manifest are ours alone."""


class PromptArgument(BaseModel):
    """One blank of a prompt."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str = ""
    required: bool = False


class PromptText(BaseModel):
    """One workflow of a skill, as a message with ``{blanks}``."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str = ""
    description: str = ""
    arguments: list[PromptArgument] = []
    text: str


@dataclass(frozen=True)
class Skill:
    """One folder in the Agent Skills format."""

    name: str
    folder: Path
    frontmatter: Mapping[str, Any]
    prompts: tuple[PromptText, ...] = ()

    @property
    def uri(self) -> str:
        """URI of the card."""
        return f"skill://{self.name}/{CARD}"

    @property
    def description(self) -> str:
        """What it does and when to use it."""
        return str(self.frontmatter.get("description", ""))

    def files(self) -> dict[str, Path]:
        """Return the served files by URI, the card first; links are left out."""
        nested = (path for name in SERVED for path in sorted((self.folder / name).rglob("*")))
        paths = [path for path in (self.folder / CARD, *nested) if path.is_file() and not path.is_symlink()]
        return {f"skill://{self.name}/{path.relative_to(self.folder).as_posix()}": path for path in paths}

    def entry(self) -> dict[str, Any]:
        """Return the entry of ``skills/list``: frontmatter, and digest and size of each file."""
        files = {uri: path.read_bytes() for uri, path in self.files().items()}
        described = [
            {"uri": uri, "digest": f"sha256:{sha256(data).hexdigest()}", "size": len(data)}
            for uri, data in files.items()
        ]
        return {"uri": self.uri, "frontmatter": dict(self.frontmatter), "resources": described}


@lru_cache(maxsize=8)
def load_skills(folder: Path | None = None) -> tuple[Skill, ...]:
    """Read the skills of ``folder``, in the order of their names; none where there is none."""
    root = folder or shipped("skills")
    cards = sorted(root.glob(f"*/{CARD}")) if root.is_dir() else []
    return tuple(_load(card.parent) for card in cards)


def _load(folder: Path) -> Skill:
    import yaml  # 20 ms that a start does not need

    head = (folder / CARD).read_text(encoding="utf-8").split("---", 2)
    frontmatter = yaml.safe_load(head[1]) if len(head) == 3 else {}
    manifest = folder / MANIFEST
    said = yaml.safe_load(manifest.read_text(encoding="utf-8")) or {} if manifest.is_file() else {}
    prompts = tuple(PromptText.model_validate(prompt) for prompt in said.get("prompts", []))
    return Skill(folder.name, folder, frontmatter or {}, prompts)


class GetSkillParams(RequestParams):
    """Parameters of ``skills/get``."""

    uri: str


class SkillsExtension(Extension):
    """``skills/list`` and ``skills/get``."""

    identifier = "io.modelcontextprotocol/skills"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def methods(self) -> Sequence[MethodBinding]:
        """Return the two methods."""
        return (
            MethodBinding("skills/list", PaginatedRequestParams, self._list),
            MethodBinding("skills/get", GetSkillParams, self._get),
        )

    async def _list(self, context: ServerRequestContext[Any, Any], params: PaginatedRequestParams) -> dict[str, Any]:
        return {
            "skills": [skill.entry() for skill in load_skills(self._folder)],
            "ttlMs": TTL_MS,
            "cacheScope": "public",
        }

    async def _get(self, context: ServerRequestContext[Any, Any], params: GetSkillParams) -> dict[str, Any]:
        for skill in load_skills(self._folder):
            if skill.uri == params.uri:
                return {"skill": skill.entry(), "ttlMs": TTL_MS, "cacheScope": "public"}
        known = ", ".join(skill.uri for skill in load_skills(self._folder)) or "none"
        raise MCPError(
            code=INVALID_PARAMS, message=f"no skill {params.uri!r}; known: {known}", data={"uri": params.uri}
        )
