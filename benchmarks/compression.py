"""int8 of the convolutional network of ``builtin:digits`` beside the float32 file that training leaves.

    python -m benchmarks.compression            # three seeds
    python -m benchmarks.compression --quick    # one

Goals: ≤ 0.3 × the bytes, ≤ 0.5 points of accuracy lost on the test rows, ≤ 0.8 × the latency of one row through onnxruntime.
The files take turns in one process after a warm-up; the median of all turns is told, once with other work between the passes (as a row
comes that somebody asks for) and once right after one another. The float32 file rewritten as the int8 ones are, and not rounded, stands
beside them, so that it is seen what int8 itself brings.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

import scitrain
from benchmarks import _machine
from scitrain.compressing.lean import lean
from scitrain.compressing.measure import speeds
from scitrain.evaluation.metrics import accuracy
from scitrain.exporters._onnx import export
from scitrain.inference import load_predictor
from scitrain.inference.backends import onnx_compute
from scitrain.inference.files import ONNX
from scitrain.runs import Run
from scitrain.workspace import Workspace

METHODS = ("int8_static", "int8_weights")
SEEDS = (42, 43, 44)
ALLOWED = 0.005
"""Loss on validation rows up to which a variant is kept: half a point."""


def digits() -> np.ndarray:
    """Return all images, (n, 1, 8, 8) in 0…1, for timing."""
    from sklearn.datasets import load_digits

    return (load_digits().images / 16).astype(np.float32)[:, None]


def test_accuracy(run: Run) -> float:
    """Return the share of test rows that a run names rightly."""
    rows = [
        r
        for r in run.read_json("results/metrics.json")["metrics"]
        if r["name"] == accuracy.__name__ and r["split"] == "test"
    ]
    return float(rows[0]["value"])


def one_seed(seed: int, workspace: Workspace) -> dict[str, Any]:
    """Train, compress in each way, and measure the files that lie in the runs."""
    trained = scitrain.TrainModel(data="builtin:digits", model="cnn", seed=seed).run(workspace)
    source = Run.open(trained.run_id, workspace)
    runs = {"float32": source}
    for method in METHODS:
        done = scitrain.CompressModel(run=source.id, method=method, max_quality_loss=ALLOWED).run(workspace)
        if done.kept != method:
            raise SystemExit(f"{method} of seed {seed} was refused: {done.verdict}")
        runs[method] = Run.open(done.run_id, workspace)
    files = {name: run.path / ONNX for name, run in runs.items()}
    files["float32, rewritten"] = source.path / "rewritten.onnx"
    export(lean(load_predictor(source))[0], digits()[:2], files["float32, rewritten"])
    computes = {name: onnx_compute(path) for name, path in files.items()}
    pairs = {
        name: speeds({"float32": computes["float32"], name: computes[name]}, digits())
        for name in files
        if name != "float32"
    }
    plain = files["float32"].stat().st_size
    return {
        "seed": seed,
        "float32": {"bytes": plain, "test_accuracy": test_accuracy(source)},
        "variants": {
            name: {
                "bytes": files[name].stat().st_size,
                "size_ratio": round(files[name].stat().st_size / plain, 4),
                "latency_ms": found[name].median_ms,
                "float32_latency_ms": found["float32"].median_ms,
                "latency_ratio": round(found[name].median_ms / found["float32"].median_ms, 3),
                "latency_ratio_right_after": round(found[name].again_ms / found["float32"].again_ms, 3),
                "throughput_ratio": round(found[name].rows_per_s / found["float32"].rows_per_s, 3),
            }
            | (
                {"points_lost": round(100 * (test_accuracy(source) - test_accuracy(runs[name])), 3)}
                if name in runs
                else {}
            )
            for name, found in pairs.items()
        },
    }


def summary(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return by variant the largest size and loss, and the median latency over the seeds."""
    found = {}
    for name in seeds[0]["variants"]:
        each = [one["variants"][name] for one in seeds]
        found[name] = {
            "size_ratio": max(v["size_ratio"] for v in each),
            "latency_ratio": median(v["latency_ratio"] for v in each),
            "latency_ratio_right_after": median(v["latency_ratio_right_after"] for v in each),
            "throughput_ratio": median(v["throughput_ratio"] for v in each),
        }
        if "points_lost" in each[0]:
            lost = [v["points_lost"] for v in each]
            found[name] |= {"points_lost": round(mean(lost), 3), "points_lost_at_most": max(lost)}
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/compression.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, nothing is kept")
    quick = parser.parse_args(argv).quick
    machine = _machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        seeds = [one_seed(seed, workspace) for seed in (SEEDS[:1] if quick else SEEDS)]
    figures = {"threads": len(os.sched_getaffinity(0)), "summary": summary(seeds), "seeds": seeds}
    figures["goal"] = {"size_ratio": 0.3, "points_lost": 0.5, "latency_ratio": 0.8}
    if quick:
        report: dict[str, Any] = {"machine": machine, "figures": figures}
    else:
        report = _machine.keep("compression", "python -m benchmarks.compression", machine, figures)
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
