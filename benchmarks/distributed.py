"""One process and two at the same global batch: the same losses, and what the second one is worth.

    python -m benchmarks.distributed [--rows 20000] [--quick]

Goal: final losses of two CPU processes (ddp, fsdp) within 0.1 % of one process's. The ratio of the times is reported without a
goal: two processes on two cores share what one process's threads use anyway, so that little is gained on a single machine
without GPUs. Each process computes with one thread; one process alone is timed with one thread and with all. The time is that
of the epochs but the first; the start of the processes is told beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _machine
from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.processes import write_learning
from scitrain.workspace import Workspace

TOLERANCE = 1e-3
WAYS = {
    "one": {},
    "one_thread": {},
    "ddp": {"devices": 2, "parallel": "ddp"},
    "fsdp": {"devices": 2, "parallel": "fsdp"},
}
SCRIPT = """
import sys
from pathlib import Path
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.processes import read_learning
from scitrain.workspace import Workspace
workspace = Workspace(Path(sys.argv[2]))
fit(read_learning(Path(sys.argv[1])), Run.open(sys.argv[3], workspace))
"""


def learning(rows: int, epochs: int, **options: object) -> Learning:
    """Return a regression of made-up rows, without dropout, by a network large enough to be worth sharing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 64)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:2] + np.sin(2 * x[:, 2:3]) + 0.1 * rng.normal(size=(rows, 1))).astype(np.float32)
    order, part = np.arange(rows), rows * 4 // 5
    settings = TrainingOptions(
        epochs=epochs, patience=epochs, ensemble=1, batch_size=512, device="cpu", checkpoint_seconds=1e9, **options
    )
    model = Mlp(widths=[512, 512, 512], norm="none", dropout=0.0)
    return Learning("regression", x, y, order[:part], order[part:], 1, model, InputShape("vector", (64,)), settings)


def trained(name: str, rows: int, epochs: int, folder: Path) -> dict[str, Any]:
    """Train in a process of its own; returns the epochs' losses and seconds."""
    run = Run.create("train_model", {}, Workspace(folder))
    run.release()
    job = write_learning(learning(rows, epochs, **WAYS[name]), folder / f"job-{name}")
    threads = {} if name == "one" else {"OMP_NUM_THREADS": "1"}
    begin = time.perf_counter()
    words = [sys.executable, "-c", SCRIPT, str(job), str(folder), run.id]
    subprocess.run(words, check=True, env=_machine.as_installed() | threads)
    log = run.read_json("results/dl_training_log.json")
    # the first epoch warms up
    seconds = sum(row["seconds"] for row in log["epochs"][1:])
    losses = [[row["train_loss"], row["val_loss"]] for row in log["epochs"]]
    return {
        "losses": losses,
        "epochs_s": seconds,
        "whole_s": time.perf_counter() - begin,
        "processes": log["processes"],
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/distributed.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="2,000 rows, 3 epochs")
    given = parser.parse_args(argv)
    rows, epochs = (2_000, 3) if given.quick else (given.rows, 8)
    machine = _machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        found = {name: trained(name, rows, epochs, Path(folder)) for name in WAYS}
    report = _machine.keep(
        "distributed", f"python -m benchmarks.distributed --rows {rows}", machine, figures(found, rows)
    )
    print(json.dumps(report["figures"], indent=2))
    return report


def figures(found: dict[str, dict[str, Any]], rows: int) -> dict[str, Any]:
    """Return differences of the losses and ratios of the times, beside one process with one thread."""
    one = found["one_thread"]
    expected = np.array(one["losses"])
    apart = {name: float(np.abs(np.array(f["losses"]) / expected - 1).max()) for name, f in found.items()}
    final = {name: float(np.abs(np.array(f["losses"])[-1] / expected[-1] - 1).max()) for name, f in found.items()}
    two = ("ddp", "fsdp")
    return {
        "data": f"{rows} made-up rows of 64 numbers; mlp 512 × 3, batch 512, no dropout",
        "goal": {"final_loss_differs_by": TOLERANCE},
        "final_loss": {name: f["losses"][-1] for name, f in found.items()},
        "final_loss_differs_by": {name: final[name] for name in two},
        "largest_difference_of_any_epoch": {name: apart[name] for name in two},
        "reached": all(final[name] <= TOLERANCE for name in two),
        "speed_over_one_process_of_one_thread": {
            n: round(one["epochs_s"] / found[n]["epochs_s"], 2) for n in (*two, "one")
        },
        "start_and_end_s": {name: round(f["whole_s"] - f["epochs_s"], 1) for name, f in found.items()},
    }


if __name__ == "__main__":
    main()
