"""How long the server lets one wait, beside the same SDK serving one empty tool.

    python -m benchmarks.server_latency [--repeats 7] [--calls 200] [--runs 1000]

Reports, as ratios within this one run (medians): process start → ``tools/list`` answered; ``get_run`` and ``list_runs`` with
1,000 runs on disk; and the seconds until ``train_model`` answers, and the bytes of ``tools/list``.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import _machine

EMPTY = """
from mcp.server import MCPServer
server = MCPServer("empty", log_level="WARNING")
@server.tool()
def nothing() -> str:
    return "nothing"
server.run("stdio")
"""
LIMITS = {"start": 1.15, "get_run": 3.0, "list_runs": 3.0, "train_model_s": 2.0, "tools_list_bytes": 40_000}


class Peer:
    """A client of one server process, over pipes, with nothing between it and the bytes."""

    def __init__(self, command: list[str]) -> None:
        self.begun = time.perf_counter()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=_machine.as_installed(), **pipes)
        self._number = 0

    def ask(self, method: str, **params: object) -> tuple[dict, int]:
        """Return the result and the bytes of its line."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server ended with {self.process.wait()}")
            reply = json.loads(line)
            if reply.get("id") == self._number:
                return reply["result"], len(line)

    def greet(self) -> None:
        self.ask(
            "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "bench", "version": "1"}
        )
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, arguments: dict) -> dict:
        result = self.ask("tools/call", name=tool, arguments=arguments)[0]
        if result.get("isError"):
            raise RuntimeError(result["content"][0]["text"])
        return result

    def end(self) -> float:
        """Let the server end; returns the CPU seconds it used."""
        self.process.stdin.close()
        self.process.stdout.close()
        _, _, used = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return used.ru_utime + used.ru_stime

    def _send(self, message: dict) -> None:
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()


def start(command: list[str]) -> tuple[float, float]:
    """Return wall seconds from process start to the answer of ``tools/list``, and CPU seconds of the process."""
    peer = Peer(command)
    peer.greet()
    peer.ask("tools/list")
    wall = time.perf_counter() - peer.begun
    return wall, peer.end()


def round_trip(peer: Peer, tool: str, arguments: dict, calls: int) -> float:
    """Return the median milliseconds of a call."""
    taken = []
    for _ in range(calls):
        begin = time.perf_counter()
        peer.call(tool, arguments)
        taken.append(time.perf_counter() - begin)
    return 1000 * median(taken)


def fabricate(workspace_root: Path, count: int) -> str:
    """Write ``count`` completed runs; returns the id of one."""
    from scitrain.runs import Run
    from scitrain.workspace import Workspace

    workspace = Workspace(workspace_root)
    row = {
        "name": "rmse", "title": "RMSE", "target": "y", "value": 0.61, "low": 0.55, "high": 0.68, "level": 0.95, "unit": "eV",
        "n": 113, "split": "test", "higher_is_better": False, "reason": None, "baselines": {},
    }  # fmt: skip
    for index in range(count):
        run = Run.create("train_model", {"data": f"table-{index}.csv", "target": "y", "seed": index}, workspace)
        run.progress("train", 50, 50, "epoch 50/50")
        run.write_json(
            "results/metrics.json",
            {"metrics": [row], "primary": "rmse", "task": "regression", "targets": [{"name": "y"}]},
        )
        run.file("MODEL_CARD.md").write_text("# A model\n")
        run.end("completed", result={"run_id": run.id})
        run.release()
    return run.id


def measure(repeats: int, calls: int, runs: int) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="scitrain-bench-"))
    try:
        empty = [sys.executable, "-c", EMPTY]
        ours = [sys.executable, "-m", "scitrain", "serve", "--workspace", str(folder / "workspace")]
        start(empty), start(ours)  # the first start writes byte code
        pairs = [(start(empty), start(ours)) for _ in range(repeats)]
        known = fabricate(folder / "workspace", runs)
        return started(pairs) | answered(empty, ours, known, calls)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def started(pairs: list) -> dict[str, object]:
    walls = [(empty[0], ours[0]) for empty, ours in pairs]
    cpus = [(empty[1], ours[1]) for empty, ours in pairs]
    return {
        "start_empty_s": round(median(empty for empty, _ in walls), 3),
        "start_s": round(median(ours for _, ours in walls), 3),
        "start": round(median(ours for _, ours in walls) / median(empty for empty, _ in walls), 3),
        "start_of_fastest": round(min(ours for _, ours in walls) / min(empty for empty, _ in walls), 3),
        "start_cpu": round(median(ours for _, ours in cpus) / median(empty for empty, _ in cpus), 3),
    }


def answered(empty: list[str], ours: list[str], known: str, calls: int) -> dict[str, object]:
    idle, server = Peer(empty), Peer(ours)
    idle.greet(), server.greet()
    size = server.ask("tools/list")[1]
    questions = {"get_run": {"run_id": known}, "list_runs": {}}
    for tool, arguments in questions.items():
        server.call(tool, arguments)
    idle.call("nothing", {})
    base = round_trip(idle, "nothing", {}, calls)
    found = {tool: round_trip(server, tool, arguments, calls) for tool, arguments in questions.items()}
    train_s = first_answer(server)
    idle.end(), server.end()
    ratios = {tool: round(ms / base, 2) for tool, ms in found.items()}
    times = {f"{tool}_ms": round(ms, 2) for tool, ms in found.items()}
    return {"empty_tool_ms": round(base, 2), **times, **ratios, "train_model_s": train_s, "tools_list_bytes": size}


def first_answer(server: Peer) -> float | None:
    """Return the seconds until ``train_model`` answers with a run; that run is then cancelled."""
    if "train_model" not in [tool["name"] for tool in server.ask("tools/list")[0]["tools"]]:
        return None
    begin = time.perf_counter()
    result = server.call("train_model", {"data": "builtin:breast-cancer"})
    taken = time.perf_counter() - begin
    server.call("cancel_run", {"run_id": result["structuredContent"]["run_id"]})
    return round(taken, 3)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/server_latency.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--runs", type=int, default=1000)
    typed = parser.parse_args(argv)
    machine = _machine.describe()
    found = measure(typed.repeats, typed.calls, typed.runs)
    within = {name: found[name] is not None and found[name] <= limit for name, limit in LIMITS.items()}
    command = f"python -m benchmarks.server_latency --repeats {typed.repeats} --calls {typed.calls} --runs {typed.runs}"
    report = _machine.keep("server_latency", command, machine, {**found, "goal": LIMITS, "reached": within})
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
