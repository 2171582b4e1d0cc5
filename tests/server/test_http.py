from contextlib import asynccontextmanager

import httpx2
import pytest

from scitrain_server import Settings, build
from scitrain_server.auth import transport_security

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
