"""A client that leaves in the middle."""

import json
import subprocess
import sys

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LISTS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def test_a_client_that_is_gone_ends_the_server_without_a_traceback(workspace):
    child = subprocess.Popen(
        [sys.executable, "-m", "scitrain", "serve", "--workspace", str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        child.stdin.write(f"{json.dumps(HELLO)}\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["id"] == 1
        child.stdout.close()
        child.stdin.write(f"{json.dumps(READY)}\n{json.dumps(LISTS)}\n")
        child.stdin.flush()
        said = child.stderr.read()
    assert said == "the client is gone; background runs go on\n"
    assert child.returncode == 0
