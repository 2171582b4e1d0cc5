"""Images a second while a convolutional network trains, beside the loop one writes by hand, on the same images and batches.

    python -m benchmarks.image_training [--repeats 5] [--epochs 8] [--threads 1]

Goal: `fit` on ``builtin:digits`` trains ≥ 0.95 × as many images a second as the bare loop. Both read the same rows in the same
orders; the bare loop has its network, its AdamW and its clipping from torch alone. It is timed bare (it trains and does nothing
else), and as one writes it who needs a model at the end: with the validation loss and a copy of the best weights each epoch.
`fit` is timed as a whole: start, validation, early stopping, best weights, checkpoints and log. Rounds are interleaved; CPU time
stands beside wall time, because on a machine that is shared the wall clock also measures the neighbours.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import _machine
from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.models.cnn import Cnn
from scitrain.resources import cpu_count
from scitrain.runs import Run
from scitrain.training.feeding import Feed, steps_an_epoch
from scitrain.training.fit import fit
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.workflow.network import choose_network
from scitrain.workspace import Workspace

__all__ = ["main"]

BATCH, RATE, DECAY = 64, 2e-3, 0.01
"""What `fit` takes for a cnn by itself."""
CLASSES = 10
GOAL = 0.95
Speed = tuple[float, float]
"""Images a second of wall time and of CPU time."""


def digits() -> Learning:
    """Return the training of ``builtin:digits`` that a request for a cnn makes."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create("train_model", {}, Workspace(Path(folder)))
        prepared = prepare(DataOptions(data="builtin:digits"), run.workspace, run)
        network = choose_network(prepared, Cnn(), run)
        x = network.x[:].copy()  # off the disk that is about to go
    split = prepared.split
    return Learning(
        "multiclass",
        x,
        prepared.y,
        split["train"],
        split["val"],
        CLASSES,
        network.model,
        network.featuriser.shape(),
        TrainingOptions(),
    )


def by_hand() -> nn.Sequential:
    """Return the cnn of four stages, written out."""
    layers: list[nn.Module] = []
    sizes = (1, 32, 64, 128, 256)
    for i in range(4):
        layers += [nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1, bias=False), nn.BatchNorm2d(sizes[i + 1]), nn.GELU()]
        layers += [nn.MaxPool2d(2, ceil_mode=True)] if i < 3 else []
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(256, CLASSES))


def orders(learning: Learning, epochs: int) -> list[list[Tensor]]:
    """Return the batches of each epoch that `fit` takes, as positions among the training rows."""
    feed = Feed(learning.x, learning.y, learning.train, learning.val, nn.Identity(), "cpu")
    steps = steps_an_epoch(len(learning.train), BATCH)
    feed.schedule([0], learning.seed, steps)
    found = []
    for epoch in range(epochs):
        feed.start_epoch(epoch)
        found.append([step[0] for step in feed.order().tensor_split(steps, dim=1)])
    return found


def bare(learning: Learning, epochs: int, judged: bool) -> Speed:
    """Return the speed of the loop written by hand; ``judged`` validates and keeps the best weights too."""
    x, y = torch.from_numpy(learning.x[learning.train]), torch.from_numpy(learning.y[learning.train])
    x_val, y_val = torch.from_numpy(learning.x[learning.val]), torch.from_numpy(learning.y[learning.val])
    mean, std = x.mean(), x.std()
    x, x_val = (x - mean) / std, (x_val - mean) / std
    batches = orders(learning, epochs)
    torch.manual_seed(0)
    network = by_hand()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    best, kept = float("inf"), None
    wall, cpu = time.perf_counter(), time.process_time()
    for epoch in batches:
        network.train()
        for chosen in epoch:
            loss = functional.cross_entropy(network(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        if judged:
            network.eval()
            with torch.no_grad():
                found = functional.cross_entropy(network(x_val), y_val).item()
            if found < best:
                best, kept = found, {name: value.clone() for name, value in network.state_dict().items()}
    taken = time.perf_counter() - wall, time.process_time() - cpu
    assert (kept is not None) == judged
    return _speed(learning, epochs, *taken)


def by_itself(learning: Learning, epochs: int, judged: bool) -> Speed:
    """Return the speed of the bare loop in a process that knows no Lightning."""
    with _machine.without_lightning():
        return bare(learning, epochs, judged)


def ours(learning: Learning, epochs: int) -> Speed:
    """Return the speed of the whole `fit`."""
    options = TrainingOptions(epochs=epochs, patience=epochs, ensemble=1, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create("train_model", {}, Workspace(Path(folder)))
        wall, cpu = time.perf_counter(), time.process_time()
        fitted = fit(replace(learning, options=options), run)
        taken = time.perf_counter() - wall, time.process_time() - cpu
    assert (fitted.facts["batch_size"], fitted.facts["augment"], len(fitted.history)) == (BATCH, [], epochs)
    return _speed(learning, epochs, *taken)


def _speed(learning: Learning, epochs: int, wall: float, cpu: float) -> Speed:
    rows = epochs * len(learning.train)
    return rows / wall, rows / cpu


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/image_training.json`` and return what it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=cpu_count())
    given = parser.parse_args(argv)
    machine = _machine.describe()
    torch.set_num_threads(given.threads)
    learning = digits()
    contestants: dict[str, Callable[[], Speed]] = {
        "bare": lambda: by_itself(learning, given.epochs, judged=False),
        "bare_judged": lambda: by_itself(learning, given.epochs, judged=True),
        "fit": lambda: ours(learning, given.epochs),
    }
    for contestant in contestants.values():
        contestant()  # warms caches and thread pools
    speeds: dict[str, list[Speed]] = {name: [] for name in contestants}
    for _ in range(given.repeats):
        for name, contestant in contestants.items():
            speeds[name].append(contestant())
    figures: dict[str, Any] = {
        "rows": len(learning.train),
        "shape": list(learning.shape.shape),
        "batch": BATCH,
        "epochs": given.epochs,
        "rounds": given.repeats,
        "threads": given.threads,
        "goal": {"fit_over_bare_judged": GOAL},
    }
    for kind, place in (("wall", 0), ("cpu", 1)):
        figures[kind] = {
            "samples_per_s": {name: round(median(s[place] for s in found)) for name, found in speeds.items()},
            # each round against its own neighbours: a machine that is busy is busy for all three
            "fit_over_bare": _ratio(speeds["fit"], speeds["bare"], place),
            "fit_over_bare_judged": _ratio(speeds["fit"], speeds["bare_judged"], place),
        }
    command = f"python -m benchmarks.image_training --repeats {given.repeats} --epochs {given.epochs} --threads {given.threads}"
    report = _machine.keep("image_training", command, machine, figures)
    print(json.dumps(report["figures"], indent=2))
    return report


def _ratio(ours: Sequence[Speed], theirs: Sequence[Speed], place: int) -> float:
    return round(median(a[place] / b[place] for a, b in zip(ours, theirs, strict=True)), 3)


if __name__ == "__main__":
    main()
