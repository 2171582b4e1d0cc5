"""Time of a training step against a bare PyTorch loop, and of an ensemble together against its members in turn.

    python -m benchmarks.training_step [--repeats 5] [--epochs 20] [--threads 1]

Goal: a step of `fit` ≤ 1.10 × a step of the bare loop, with logging, early stopping and checkpoints on.
The rounds of all contestants are interleaved, and the median over rounds is compared; CPU time stands beside wall time,
because on a machine that is shared the wall clock also measures the neighbours.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import _machine
from scitrain.contracts.model import InputShape
from scitrain.models._mlp import MlpEncoder
from scitrain.models.mlp import Mlp
from scitrain.resources import cpu_count
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.workspace import Workspace

ROWS, COLUMNS, WIDTH, BATCH = 2000, 30, 256, 32
Timed = tuple[float, float]


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS + 200, COLUMNS)).astype(np.float32)
    return x, (x[:, :1] + np.sin(x[:, 1:2]) + 0.1 * rng.normal(size=(len(x), 1))).astype(np.float32)


def bare(epochs: int) -> Timed:
    """Return wall and CPU seconds a step of the loop one writes by hand: tensors indexed, AdamW (fused), gradients clipped."""
    x, y = map(torch.from_numpy, data())
    torch.manual_seed(0)
    layers = [
        layer
        for inside in (COLUMNS, WIDTH)
        for layer in (nn.Linear(inside, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.GELU(), nn.Dropout(0.2))
    ]
    network = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    steps, wall, cpu = 0, time.perf_counter(), time.process_time()
    for _ in range(epochs):
        for chosen in torch.randperm(ROWS).split(BATCH):
            loss = nn.functional.mse_loss(network(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            steps += 1
    return (time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps


def by_itself(epochs: int) -> Timed:
    """Return the times of the bare loop in a process that knows no Lightning."""
    with _machine.without_lightning():
        return bare(epochs)


def ours(epochs: int, ensemble: int, together: bool = True) -> Timed:
    """Return wall and CPU seconds a step of the whole `fit`: start, logging, validation, early stopping and checkpoints included."""
    x, y = data()
    rows = np.arange(len(x))
    options = TrainingOptions(epochs=epochs, patience=epochs, batch_size=BATCH, ensemble=ensemble, device="cpu")
    learning = Learning(
        "regression",
        x,
        y,
        rows[:ROWS],
        rows[ROWS:],
        1,
        Mlp(widths=[WIDTH, WIDTH]),
        InputShape("vector", (COLUMNS,)),
        options,
    )
    MlpEncoder.vectorises = together
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create("train_model", {}, Workspace(Path(folder)))
        wall, cpu = time.perf_counter(), time.process_time()
        steps = fit(learning, run).facts["steps"]
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    MlpEncoder.vectorises = True
    return wall / int(str(steps)), cpu / int(str(steps))


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/training_step.json`` and return what it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=cpu_count())
    given = parser.parse_args(argv)
    machine = _machine.describe()
    torch.set_num_threads(given.threads)
    contestants: dict[str, Callable[[], Timed]] = {
        "bare": lambda: by_itself(given.epochs),
        "fit": lambda: ours(given.epochs, 1),
        "together": lambda: ours(given.epochs, 5),
        "in_turn": lambda: ours(given.epochs, 5, together=False),
    }
    for warm_up in contestants.values():
        warm_up()
    times: dict[str, list[Timed]] = {name: [] for name in contestants}
    for _ in range(given.repeats):
        for name, contestant in contestants.items():
            times[name].append(contestant())
    result: dict[str, Any] = {"threads": given.threads, "rounds": given.repeats, "goal": {"fit_over_bare": 1.10}}
    for kind, place in (("wall", 0), ("cpu", 1)):
        middle = {name: median(values[place] for values in found) for name, found in times.items()}
        result[kind] = {
            "microseconds_a_step": {name: round(1e6 * value, 1) for name, value in middle.items()},
            "fit_over_bare": round(
                median(a[place] / b[place] for a, b in zip(times["fit"], times["bare"], strict=True)), 3
            ),
            # A step of five together advances five members; in turn it advances one.
            "speed_up_of_five_together": round(5 * middle["in_turn"] / middle["together"], 2),
        }
    command = f"python -m benchmarks.training_step --repeats {given.repeats} --epochs {given.epochs} --threads {given.threads}"
    report = _machine.keep("training_step", command, machine, result)
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
