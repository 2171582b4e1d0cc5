"""What ``scitrain serve`` was asked to serve, to whom, and from which folders."""

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import get_args

from scitrain.contracts.operation import Operation, Skill
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.executors import EXECUTORS
from scitrain.operations import OPERATIONS
from scitrain.workspace import Workspace

__all__ = ["DEFAULT_WORKSPACE", "TOKEN_VARIABLE", "Settings", "settings_from"]

DEFAULT_WORKSPACE = Path("~/scitrain-workspace")
TOKEN_VARIABLE = "SCITRAIN_TOKEN"
MIN_TOKEN = 22
"""Characters of a token with 128 bits in base64."""


@dataclass(frozen=True)
class Settings:
    """How to serve."""

    workspace: Workspace
    """Reading is confined to it and its data roots."""
    skills: frozenset[str] | None = None
    """Skills whose tools are served, beside those of any skill; None serves all."""
    read_only: bool = False
    """Serve only what changes nothing."""
    http: bool = False
    """Streamable HTTP instead of stdio."""
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    """Bearer token a client must send; required beyond loopback."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names clients may use; required beyond loopback."""
    executor: str = "local"
    """What executes background work: processes of this machine, or jobs of a cluster (``slurm``)."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host == "localhost" or (self.host != "" and _is_loopback(self.host))

    def operations(self) -> dict[str, type[Operation]]:
        """Return what is served, in a stable order."""
        wanted = None if self.skills is None else self.skills | {"any"}
        return {
            name: operation
            for name, operation in OPERATIONS.items()
            if (wanted is None or operation.skill in wanted) and (not self.read_only or operation.read_only)
        }

    def checked(self) -> "Settings":
        """Return the settings where they are safe to serve.

        Raises:
            ScitrainError: Others could connect without a token or under any host name.
        """
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise ScitrainError(
                f"the token has {len(self.token)} characters; give at least {MIN_TOKEN} random ones, "
                "as `openssl rand -base64 32` makes them"
            )
        if self.http and not self.loopback:
            missing = [
                *([] if self.token else [f"a bearer token ({TOKEN_VARIABLE} or --token-file FILE)"]),
                *([] if self.allowed_hosts else ["the host names clients use (--allowed-host NAME)"]),
            ]
            if missing:
                raise ScitrainError(
                    f"--host {self.host} lets other machines connect; this needs {' and '.join(missing)}"
                )
        return self


def settings_from(argv: Sequence[str]) -> Settings:
    """Read the words after ``scitrain serve``.

    Raises:
        ScitrainError: What is asked for is unsafe or unknown.
        SystemExit: The words themselves are wrong, or help was asked for.
    """
    typed = _parser().parse_args(argv)
    workspace = Workspace.from_environment(DEFAULT_WORKSPACE)
    if typed.workspace is not None:
        workspace = replace(workspace, root=typed.workspace.expanduser().resolve())
    if workspace.root.is_file():
        raise ScitrainError(
            f"the workspace {str(workspace.root)!r} is a file; give a folder, which is made where it is not there"
        )
    roots = (*(workspace.data_roots or ()), *(_folder(root) for root in typed.data_root))
    return Settings(
        workspace=replace(workspace, data_roots=roots),
        skills=_skills(typed.skills),
        read_only=typed.read_only,
        http=typed.http,
        host=typed.host,
        port=typed.port,
        token=_token(typed.token_file),
        allowed_hosts=tuple(typed.allowed_host),
        executor=typed.executor,
    ).checked()


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="scitrain serve", description="Serve the tools over MCP.", allow_abbrev=False)
    add = parser.add_argument
    add("--workspace", type=Path, metavar="FOLDER", help=f"folder of runs and data sets (default: {DEFAULT_WORKSPACE})")
    add(
        "--data-root",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="folder that may be read; repeat for more",
    )
    add("--skills", metavar="A,B", help="serve only the tools of these skills")
    add("--read-only", action="store_true", help="serve only what changes nothing")
    add("--http", action="store_true", help="speak streamable HTTP at /mcp instead of stdio")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=8000, metavar="PORT", help="port to listen on, 0 for any (default: %(default)s)")
    add(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file with the bearer token clients must send (or {TOKEN_VARIABLE})",
    )
    add(
        "--allowed-host", action="append", default=[], metavar="NAME", help="host name clients may use; repeat for more"
    )
    how = "what executes background work; slurm takes its options from SCITRAIN_SLURM (default: %(default)s)"
    add("--executor", choices=sorted(EXECUTORS), default="local", help=how)
    return parser


def _port(word: str) -> int:
    port = int(word) if word.isdecimal() else -1
    if not 0 <= port <= 65_535:
        raise ArgumentTypeError(f"{word!r} is no port; give a number from 0 to 65535")
    return port


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _folder(path: Path) -> Path:
    real = path.expanduser().resolve()
    if not real.is_dir():
        raise ScitrainError(f"--data-root {str(path)!r} is no folder")
    return real


def _skills(words: str | None) -> frozenset[str] | None:
    if words is None:
        return None
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if word not in get_args(Skill):
            raise UnknownNameError("skill", word, get_args(Skill))
    return frozenset(wanted)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return file.expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ScitrainError(f"--token-file cannot be read: {error}") from None
