"""One row and many rows through onnxruntime, beside torch eager and beside hand-written onnxruntime.

    python -m benchmarks.onnx_latency                  # networks with made-up weights
    python -m benchmarks.onnx_latency --run RUN_ID     # a trained run that has models/model.onnx

Goals: batch 1 ≤ 0.5 × torch eager for the default MLP, batches ≥ 0.9 × the throughput of hand-written onnxruntime.
The ways take turns in one process, the median of all turns is told; a ratio below 1 is better for latency, above 1 for throughput.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks import _machine
from scitrain.contracts.model import InputShape
from scitrain.evaluation.domain import Domain, fit_domain
from scitrain.exporters._onnx import export
from scitrain.inference import load_domain, load_model, load_predictor, read_config
from scitrain.inference.backends import onnx_compute
from scitrain.inference.files import ONNX
from scitrain.inference.model import batch_size
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.predictor import Predictor, build_predictor
from scitrain.workspace import Workspace

ROWS = 20_000


def turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Let the ways take turns, so that a busy machine is busy for all; returns median seconds."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in taken.items()}


def measure(predictor: Predictor, path: Path, x: np.ndarray, domain: Domain | None) -> dict[str, float | int]:
    """Measure one network: latency of one row, throughput of all rows of ``x``."""
    ours = onnx_compute(path)
    hand = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    one, one_torch = x[:1].copy(), torch.from_numpy(x[:1].copy())
    step = batch_size(x.shape[1:])

    def eager() -> None:
        with torch.inference_mode():
            predictor(one_torch)

    def by_hand() -> None:
        for i in range(0, len(x), 1024):
            hand.run(None, {"rows": x[i : i + 1024]})

    def by_us() -> list[tuple[np.ndarray, ...]]:
        return [ours(x[i : i + step]) for i in range(0, len(x), step)]

    def with_domain() -> None:
        for _, _, representation in by_us():
            if domain is not None:
                domain.distance(representation)

    single = turns({"torch": eager, "ours": lambda: ours(one), "hand": lambda: hand.run(None, {"rows": one})}, 300)
    many = turns({"hand": by_hand, "ours": by_us, "ours with domain": with_domain}, 7)
    return {
        "members": predictor.n_members,
        "batch1_torch_us": round(single["torch"] * 1e6, 1),
        "batch1_onnx_us": round(single["ours"] * 1e6, 1),
        "batch1_onnx_to_torch": round(single["ours"] / single["torch"], 3),
        "rows_per_s_by_hand": round(len(x) / many["hand"]),
        "rows_per_s": round(len(x) / many["ours"]),
        "throughput_to_hand": round(many["hand"] / many["ours"], 3),
        "rows_per_s_with_domain": round(len(x) / many["ours with domain"]),
    }


def made_up(members: int, width: int, folder: Path) -> dict[str, float | int]:
    """Measure the default MLP on ``width`` features."""
    torch.manual_seed(0)
    predictor = build_predictor("regression", Mlp(), InputShape("vector", (width,)), 1, members).eval()
    x = np.random.default_rng(0).normal(size=(ROWS, width)).astype(np.float32)
    path = folder / f"{members}-{width}.onnx"
    export(predictor, x[:2], path)
    representation = onnx_compute(path)(x[:3000])[2]
    return measure(predictor, path, x, fit_domain(representation[:2000], representation[2000:]))


def of_run(run_id: str) -> dict[str, float | int]:
    """Measure a trained run on its own kind of rows, repeated."""
    run = Run.open(run_id, Workspace.from_environment())
    shape = read_config(run).shape.shape
    x = np.random.default_rng(0).normal(size=(ROWS, *shape)).astype(np.float32)
    load_model(run, "onnx")
    return measure(load_predictor(run), run.path / ONNX, x, load_domain(run))


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/onnx_latency.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="id of a trained run of vectors")
    parser.add_argument("--width", type=int, default=1200, help="features a row")
    arguments = parser.parse_args(argv)
    machine = _machine.describe()
    if arguments.run:
        found: dict[str, object] = {arguments.run: of_run(arguments.run)}
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = {f"mlp x {members}": made_up(members, arguments.width, Path(folder)) for members in (1, 5)}
    figures = {"rows": ROWS, "torch_threads": torch.get_num_threads(), "networks": found}
    figures["goal"] = {"batch1_onnx_to_torch": 0.5, "throughput_to_hand": 0.9}
    if arguments.run:
        report: dict[str, Any] = {"machine": machine, "figures": figures}
    else:
        command = f"python -m benchmarks.onnx_latency --width {arguments.width}"
        report = _machine.keep("onnx_latency", command, machine, figures)
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
