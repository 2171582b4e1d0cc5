import json
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest

from scitrain.runs import Run
from scitrain_server import Settings, build
from scitrain_server.auth import transport_security

pytestmark = pytest.mark.anyio
VERSION = "2026-07-28"
PREFIX = "io.modelcontextprotocol"
TASKS = {"extensions": {f"{PREFIX}/tasks": {}}}


@pytest.fixture
async def ask(settings, tiny, monkeypatch):
    """Return a function that sends one stateless request, of a client that knows tasks or does not."""
    monkeypatch.setattr("scitrain_server.settings.OPERATIONS", {"tiny_job": tiny.TinyJob})
    served = Settings(settings.workspace, http=True)
    async with running(served) as client:

        async def send(method, capabilities=TASKS, header=None, **params):
            meta = {
                f"{PREFIX}/protocolVersion": VERSION,
                f"{PREFIX}/clientInfo": {"name": "test", "version": "1"},
                f"{PREFIX}/clientCapabilities": capabilities,
            }
            headers = {
                "accept": "application/json, text/event-stream",
                "mcp-protocol-version": VERSION,
                "mcp-method": method,
            }
            headers["mcp-name"] = header or params.get("name") or params["taskId"]
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}
            reply = await client.post("/mcp", json=body, headers=headers)
            text = reply.text
            return json.loads(
                text.split("data: ", 1)[1].splitlines()[0] if text.startswith(("event", "data", ":")) else text
            )

        yield send


@asynccontextmanager
async def running(settings):
    server = build(settings)
    app = server.streamable_http_app(host=settings.host, transport_security=transport_security(settings))
    transport = httpx2.ASGITransport(app)
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def until(ask, task_id, status):
    while (task := (await ask("tasks/get", taskId=task_id))["result"])["status"] != status:
        await anyio.sleep(0.02)
    return task


async def test_a_client_that_knows_tasks_gets_one_and_its_result(ask):
    task = (await ask("tools/call", name="tiny_job", arguments={}))["result"]
    assert (task["resultType"], task["status"]) == ("task", "working")
    done = await until(ask, task["taskId"], "completed")
    assert done["result"]["structuredContent"]["run_id"] == task["taskId"]
    assert done["result"]["isError"] is False


async def test_a_failed_run_is_a_completed_task_with_an_error_to_read(ask):
    task = (await ask("tools/call", name="tiny_job", arguments={"does": "refuse"}))["result"]
    done = await until(ask, task["taskId"], "completed")
    assert done["result"]["isError"] is True
    assert "column 'x' is missing" in done["result"]["content"][0]["text"]


async def test_a_cancelled_task_is_a_cancelled_run(ask, gates, settings):
    gate = gates()
    task = (await ask("tools/call", name="tiny_job", arguments={"does": "block", "pipe": str(gate.path)}))["result"]
    await anyio.to_thread.run_sync(gate.wait)
    assert (await ask("tasks/cancel", taskId=task["taskId"]))["result"]["resultType"] == "complete"
    await until(ask, task["taskId"], "cancelled")
    assert Run.open(task["taskId"], settings.workspace).record().status == "cancelled"
    assert "result" in await ask("tasks/cancel", taskId=task["taskId"])


async def test_other_clients_get_the_started_run_and_no_tasks(ask):
    started = (await ask("tools/call", capabilities={}, name="tiny_job", arguments={}))["result"]
    assert started["structuredContent"]["run_id"].startswith("tiny_job-")
    assert (await ask("tasks/get", capabilities={}, taskId="x"))["error"]["code"] == -32021


async def test_what_is_done_at_once_is_no_task(ask):
    assert (await ask("tools/call", name="tiny_job", arguments={"quick": True}))["result"]["resultType"] == "complete"


async def test_an_unknown_or_mismatched_task_is_refused(ask, settings):
    run = Run.create("tiny_job", {}, settings.workspace)
    run.release()
    assert (await ask("tasks/get", taskId="nope"))["error"]["code"] == -32602
    assert (await ask("tasks/get", header="other", taskId=run.id))["error"]["code"] == -32020
    assert (await ask("tasks/update", taskId=run.id, inputResponses={}))["result"]["resultType"] == "complete"
