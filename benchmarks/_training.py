"""A training as a person starts it: a new process, timed from its start to its end."""

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmarks import _machine
from scitrain.evaluation.bootstrap import Resampling, replicate
from scitrain.evaluation.metrics import Array, auroc, mae, rmse

__all__ = ["Trained", "interval_of", "read_rows", "spread", "train", "with_split"]

METRICS: dict[str, Callable[[Array, Array, Array], Array]] = {"rmse": rmse, "mae": mae, "auroc": auroc}


@dataclass(frozen=True)
class Trained:
    """What a training left behind."""

    seconds: float
    """Start of the process to its end."""
    timings: Mapping[str, float]
    """Seconds of each stage."""
    metrics: Mapping[str, Mapping[str, Any]]
    """Rows of ``results/metrics.json`` by metric."""
    log: Mapping[str, Any]
    """``results/dl_training_log.json``"""
    validation: Mapping[str, Mapping[str, Any]]
    """The same of the validation rows: what a choice among trainings may look at."""
    single: Mapping[str, Any]
    """``results/single_tasks.json``; empty where it was not asked for."""

    def value(self, metric: str) -> dict[str, float]:
        """Return the network's test value with its 95 % interval."""
        return {key: _rounded(self.metrics[metric][key]) for key in ("value", "low", "high")} | {
            "n": self.metrics[metric]["n"]
        }

    def baseline(self, metric: str, name: str) -> dict[str, float]:
        """Return a simple model's test value, its interval, and the interval of the network's difference to it."""
        row = self.metrics[metric]["baselines"][name]
        keys = ("value", "low", "high", "difference", "difference_low", "difference_high")
        return {key: _rounded(row[key]) for key in keys}


def train(request: Mapping[str, Any]) -> Trained:
    """Train by the command line as ``request`` says (fields of `scitrain.TrainModel`), in an empty workspace: nothing is cached.

    Raises:
        RuntimeError: The training failed; with the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "scitrain", "train-model", "--workspace", folder, "--json", *_flags(request)]
        begin = time.perf_counter()
        done = subprocess.run(
            command,
            env=_machine.as_installed(),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"training of {request} failed: {done.stderr[-2000:]}")
        run = Path(folder) / "runs" / json.loads(done.stdout)["run_id"]
        timings = json.loads((run / "run.json").read_text(encoding="utf-8"))["timings"]
        metrics = json.loads((run / "results" / "metrics.json").read_text(encoding="utf-8"))["metrics"]
        log = json.loads((run / "results" / "dl_training_log.json").read_text(encoding="utf-8"))
        alone = run / "results" / "single_tasks.json"
        single = json.loads(alone.read_text(encoding="utf-8")) if alone.is_file() else {}
    test, validation = ({row["name"]: row for row in metrics if row["split"] == split} for split in ("test", "val"))
    return Trained(seconds, timings, test, {key: log[key] for key in log if key != "epochs"}, validation, single)


def _flags(request: Mapping[str, Any]) -> list[str]:
    """Return a request as a person types it."""
    words: list[str] = []
    for name, value in request.items():
        said = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        words += [f"--{name.replace('_', '-')}", *map(str, said)]
    return words


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def with_split(rows: Sequence[Mapping[str, str]], split: Sequence[str], target: Path) -> None:
    """Write the rows with a column ``split`` of the words train, val and test."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [name for name in rows[0] if name != "split"] + ["split"])
        writer.writeheader()
        writer.writerows({**row, "split": word} for row, word in zip(rows, split, strict=True))


def interval_of(metric: str, y: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Return another program's value with the interval that scitrain would give it."""
    y, prediction = y.astype(float), prediction.astype(float)
    if metric == "auroc":
        prediction = np.stack([1 - prediction, prediction], axis=1)
    statistic = METRICS[metric]
    found = replicate(
        lambda counts: np.reshape(statistic(y, prediction, counts), (-1, 1)), Resampling(len(y))
    ).intervals()[0]
    return {key: _rounded(getattr(found, key)) for key in ("value", "low", "high")} | {"n": len(y)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and standard deviation over trainings, and how many there were."""
    deviation = round(stdev(values), 4) if len(values) > 1 else 0.0
    return {"mean": round(mean(values), 4), "deviation": deviation, "trainings": len(values)}


def _rounded(value: float) -> float:
    return round(float(value), 4)
