"""Training on a GPU beside a hand-tuned loop: a ResNet-50 at 224 pixels, and a transformer of a hundred million parameters.

    python -m benchmarks.gpu [--repeats 3] [--steps 60]

Goal: `fit` trains ≥ 0.9 × as many rows a second as the loop one tunes by hand: bfloat16, TF32, `torch.compile`, fused AdamW, rows
on the GPU. Both train the same network on the same made-up rows with the same batch. The model FLOPs utilisation (MFU; Chowdhery et
al. 2022, arXiv:2204.02311) is the network's own work (3 × that of a forward pass) over the GPU's dense bfloat16 peak.
Where there is no CUDA device it says so and stops: nothing is measured, and no result is written.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import _machine
from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.models.timm import Timm
from scitrain.models.transformer import Transformer
from scitrain.runs import Run
from scitrain.training.architecture import architecture
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predictor import build_member
from scitrain.workspace import Workspace

__all__ = ["CASES", "Case", "by_hand", "main", "network_work", "peak_tflops"]

GOAL = 0.9
NO_GPU = "no CUDA device is found: this benchmark compares trainings on a GPU, and has nothing to measure here"
PEAKS = {"H200": 989.0, "H100 PCIe": 756.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "A10": 125.0}
"""Dense bfloat16 peak in TFLOP/s, from NVIDIA's data sheets, by a part of the device's name; the first that fits counts."""


@dataclass(frozen=True)
class Case:
    """A network, its rows and its batch."""

    model: ModelSpec
    shape: InputShape
    batch: int
    classes: int = 10

    def rows(self, n: int) -> np.ndarray:
        """Return made-up rows."""
        rng = np.random.default_rng(0)
        if self.shape.kind == "tokens":
            return rng.integers(1, self.shape.vocabulary or 2, (n, *self.shape.shape))
        return rng.random((n, *self.shape.shape), np.float32)


CASES = {
    "resnet50_224": Case(Timm(name="resnet50", pretrained=False), InputShape("image", (3, 224, 224)), batch=128),
    "transformer_100m": Case(
        Transformer(width=768, depth=14, heads=12, dropout=0.0), InputShape("tokens", (512,), vocabulary=1000), batch=32
    ),
}


def peak_tflops(name: str) -> float | None:
    """Return the dense bfloat16 peak of a GPU by its name, None where it is not known."""
    return next((peak for part, peak in PEAKS.items() if all(word in name for word in part.split())), None)


def network_work(case: Case) -> tuple[int, int]:
    """Return parameters, and FLOPs of a forward pass of one row."""
    found = architecture(build_member(case.model, case.shape, case.classes), case.shape, 1)
    return found.parameters, found.flops


def by_hand(case: Case, steps: int, device: str = "cuda", compiled: bool = True) -> float:
    """Return rows a second of the tuned loop, after its warm-up."""
    torch.manual_seed(0)
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    n = 4 * case.batch
    x = torch.from_numpy(case.rows(n)).to(device)
    y = torch.arange(n, device=device) % case.classes
    network = build_member(case.model, case.shape, case.classes).to(device).train()
    run = torch.compile(network) if compiled else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)

    def step(number: int) -> None:
        chosen = torch.arange(case.batch, device=device) + (number % 4) * case.batch
        with torch.autocast(device, torch.bfloat16):
            outputs = run(x[chosen])[0]
        loss = nn.functional.cross_entropy(outputs.float(), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    for number in range(5):
        step(number)
    _wait(device)
    begin = time.perf_counter()
    for number in range(steps):
        step(number)
    _wait(device)
    return steps * case.batch / (time.perf_counter() - begin)


def by_us(case: Case, steps: int, device: str = "cuda", compiled: bool = True) -> tuple[float, dict[str, Any]]:
    """Return rows a second of `fit` (the median epoch after the first), and what it chose."""
    epochs, n = 4, steps * case.batch
    x = np.concatenate([case.rows(4 * case.batch)] * (-(-steps // 4)))[:n]
    x = np.concatenate([x, x[: case.batch]])
    y = np.arange(len(x)) % case.classes
    options = TrainingOptions(
        epochs=epochs, patience=epochs, batch_size=case.batch, ensemble=1, device=device, devices=1, compile=compiled, augment=False,
        checkpoint_seconds=1e6, top_k=1, deterministic=False,
    )  # fmt: skip
    rows = np.arange(len(x))
    learning = Learning("multiclass", x, y, rows[:n], rows[n:], case.classes, case.model, case.shape, options)
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(learning, Run.create("train_model", {}, Workspace(Path(folder))))
    told = {name: fitted.facts[name] for name in ("precision", "compile", "batch_size", "peak_memory_mb")}
    return median(row["samples_per_s"] for row in fitted.history[1:]), told


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def measured(case: Case, repeats: int, steps: int) -> dict[str, Any]:
    """Let both take turns, and return medians, their ratio and the MFU of both."""
    speeds: dict[str, list[float]] = {"fit": [], "by_hand": []}
    chosen: dict[str, Any] = {}
    for _ in range(repeats):
        speed, chosen = by_us(case, steps)
        speeds["fit"].append(speed)
        speeds["by_hand"].append(by_hand(case, steps))
    parameters, work = network_work(case)
    peak = peak_tflops(torch.cuda.get_device_name(0))
    middle = {name: median(found) for name, found in speeds.items()}
    return {
        "parameters": parameters,
        "flops_a_row_forward": work,
        "batch": case.batch,
        "rows_per_s": {name: round(value, 1) for name, value in middle.items()},
        "fit_over_by_hand": round(median(a / b for a, b in zip(speeds["fit"], speeds["by_hand"], strict=True)), 3),
        "mfu": {
            name: None if peak is None else round(3 * work * value / (peak * 1e12), 4) for name, value in middle.items()
        },
        "fit_chose": chosen,
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/gpu.json`` and return what it holds; an empty answer where there is no GPU."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    given = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        return {}
    name = torch.cuda.get_device_name(0)
    machine = _machine.describe() | {"gpu": name, "bf16_peak_tflops": peak_tflops(name)}
    figures = {case: measured(replace(CASES[case]), given.repeats, given.steps) for case in given.cases}
    figures["goal"] = {"fit_over_by_hand": GOAL}
    command = f"python -m benchmarks.gpu --repeats {given.repeats} --steps {given.steps}"
    report = _machine.keep("gpu", command, machine, figures)
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
