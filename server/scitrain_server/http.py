"""Streamable HTTP: the socket is taken before anything is promised, and idle clients keep their connection."""

import socket
import sys

import anyio
from mcp.server import MCPServer

from scitrain.errors import ScitrainError
from scitrain_server.auth import transport_security
from scitrain_server.settings import Settings

__all__ = ["listen", "serve_http"]

KEEP_ALIVE = 75
"""Seconds an idle connection stays open. A client that thinks for longer than uvicorn's five would send into a closed one."""


def serve_http(server: MCPServer[None], settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        ScitrainError: The address cannot be listened on.
    """
    import uvicorn

    with listen(settings.host, settings.port) as taken:
        sys.stderr.write(f"serving {settings.workspace.root} at {_url(settings.host, taken.getsockname()[1])}\n")
        app = server.streamable_http_app(host=settings.host, transport_security=transport_security(settings))
        config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=KEEP_ALIVE)
        anyio.run(uvicorn.Server(config).serve, [taken])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; port 0 takes any that is free.

    Raises:
        ScitrainError: The host is not of this machine, or the port is taken or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ScitrainError(f"--host {host} is no address that can be listened on: {error.strerror}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise ScitrainError(
            f"{host} port {port} cannot be listened on: {error.strerror}; give another with --port (0 takes any that is free)"
        ) from None
    return taken


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}/mcp"
