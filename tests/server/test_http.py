import socket
from contextlib import asynccontextmanager

import httpx2
import pytest

from scitrain.errors import ScitrainError
from scitrain_server import Settings, build, main
from scitrain_server.auth import transport_security
from scitrain_server.http import listen

pytestmark = pytest.mark.anyio
TOKEN = "t" * 32
HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
PING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


@asynccontextmanager
async def serve(settings: Settings, base: str):
    server = build(settings)
    app = server.streamable_http_app(host=settings.host, transport_security=transport_security(settings))
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=base) as client,
    ):
        yield client


async def test_without_the_token_nobody_is_answered(settings):
    guarded = Settings(settings.workspace, http=True, host="0.0.0.0", token=TOKEN, allowed_hosts=("lab.example",))
    async with serve(guarded, "http://lab.example") as client:
        none = await client.post("/mcp", json=PING, headers=HEADERS)
        wrong = await client.post("/mcp", json=PING, headers=HEADERS | {"authorization": "Bearer nonsense"})
        right = await client.post("/mcp", json=PING, headers=HEADERS | {"authorization": f"Bearer {TOKEN}"})
    assert [none.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert "WWW-Authenticate" in none.headers


@pytest.mark.parametrize(
    ("base", "origin", "status"),
    [
        ("http://127.0.0.1:8000", "http://localhost:8000", 200),
        ("http://evil.example", None, 421),
        ("http://127.0.0.1:8000", "http://evil.example", 403),
    ],
)
async def test_a_page_that_rebinds_dns_is_refused(settings, base, origin, status):
    async with serve(Settings(settings.workspace, http=True), base) as client:
        headers = HEADERS | ({"origin": origin} if origin else {})
        assert (await client.post("/mcp", json=PING, headers=headers)).status_code == status


def test_a_port_that_is_taken_is_said_before_anything_is_promised(settings, capsys):
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--workspace", str(settings.workspace.root), "--http", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"127.0.0.1 port {port} cannot be listened on" in said
    assert "--port" in said
    assert "serving" not in said


def test_a_host_of_another_machine_cannot_be_listened_on():
    with pytest.raises(ScitrainError, match="cannot be listened on"):
        listen("192.0.2.1", 0)


def test_both_families_of_loopback_can_be_listened_on():
    for host in ("127.0.0.1", "localhost"):
        with listen(host, 0) as taken:
            assert isinstance(taken, socket.socket)
            assert taken.getsockname()[1] > 0


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_what_is_no_port_is_refused(port, capsys):
    assert main(["--http", f"--port={port}"]) == 2
    assert "is no port; give a number from 0 to 65535" in capsys.readouterr().err
