"""A step of pretraining MatBERT beside a bare PyTorch loop on the same batches.

    python -m benchmarks.pretraining_step [--repeats 5] [--epochs 3] [--size small] [--batch-size 128] [--device cpu]

Goal: ≥ 0.95 × as many steps a second. Both teach the same network the same batches by fused AdamW in the same
arithmetic with clipped gradients. The bare loop finds its batches ready: rows drawn, atoms hidden. `learn` draws each
one, sets the rate, looks at the loss and tells how far it is. Rounds are interleaved, medians are compared. What
`learn` does between epochs (validation, best weights) is left out.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from benchmarks import _machine
from scitrain.pretraining.corpus import Corpus, Wanted, read_corpus
from scitrain.pretraining.lesson import PretrainingLesson
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.objectives import IGNORED
from scitrain.pretraining.options import PretrainingOptions
from scitrain.resources import cpu_count
from scitrain.runs import Run
from scitrain.training.loop import Batch, Pacing, learn
from scitrain.training.precision import autocast, choose_averaged
from scitrain.workspace import Workspace

__all__ = ["Case", "bare", "by_us", "main"]

GOAL = 0.95
DATA, COLUMN = "builtin:formation-enthalpy", "formula"
Timed = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """What both teach."""

    corpus: Corpus
    options: PretrainingOptions
    device: str
    precision: str

    def lesson(self) -> PretrainingLesson:
        """Return a network with the same weights each time, and its batches."""
        torch.manual_seed(0)
        return PretrainingLesson(Pretraining(self.corpus.notation, self.options.size, 0), self.corpus, self.options)


def bare(case: Case) -> Timed:
    """Return wall and CPU seconds a step of the loop one writes by hand."""
    lesson = case.lesson()
    network = lesson.network.to(case.device).train()
    batches = [
        {name: tensor.to(case.device) for name, tensor in batch.items()}
        for epoch in range(case.options.epochs)
        for batch in lesson.batches(epoch, 0)
    ]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    _wait(case.device)
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        asked = batch["answers"] != IGNORED
        with autocast(case.precision, case.device):
            logits = network.tokens(network.states(batch["rows"], batch["hidden"])[asked])
            loss = cross_entropy(logits.float(), batch["answers"][asked])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    _wait(case.device)
    return (time.perf_counter() - wall) / len(batches), (time.process_time() - cpu) / len(batches)


class _Stopwatch(PretrainingLesson):
    """A lesson that notes when its first batch is asked for and its last step is done."""

    wall = cpu = 0.0

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield the batches, and note the time from before the first to behind the last step."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield from super().batches(epoch, first)
        _wait(str(next(self.network.parameters()).device.type))
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def by_us(case: Case) -> Timed:
    """Return the same of `learn`."""
    plain = case.lesson()
    lesson = _Stopwatch(plain.network, plain.corpus, plain.options)
    pacing = Pacing(
        case.options.epochs,
        1e-3,
        beta2=0.98,
        patience=case.options.epochs,
        device=case.device,
        precision=case.precision,
    )
    with tempfile.TemporaryDirectory() as folder:
        learned = learn(lesson, pacing, Run.create("pretrain_transformer", {}, Workspace(Path(folder))), "benchmark")
    steps = int(str(learned.facts["steps"]))
    return lesson.wall / steps, lesson.cpu / steps


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def measured(case: Case, repeats: int) -> dict[str, Any]:
    """Let both take turns."""
    contestants: dict[str, Callable[[Case], Timed]] = {"bare": bare, "learn": by_us}
    for warm_up in contestants.values():
        warm_up(case)
    times: dict[str, list[Timed]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, contestant in contestants.items():
            times[name].append(contestant(case))
    found: dict[str, Any] = {}
    for place, clock in enumerate(("wall", "cpu")):
        ratio = median(a[place] / b[place] for a, b in zip(times["bare"], times["learn"], strict=True))
        middle = {name: round(1e3 * median(one[place] for one in rounds), 3) for name, rounds in times.items()}
        found[clock] = {"milliseconds_a_step": middle, "steps_a_second_over_bare": round(ratio, 3)}
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/pretraining_step.json`` and return what it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", choices=["small", "base", "large"], default="small")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=cpu_count())
    given = parser.parse_args(argv)
    machine = _machine.describe()
    torch.set_num_threads(given.threads)
    options = PretrainingOptions(size=given.size, epochs=given.epochs, batch_size=given.batch_size)
    precision, why = choose_averaged(given.device)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Wanted(DATA, COLUMN, "composition", (), None, 0.05)
        corpus = read_corpus(wanted, Path(folder), Workspace(Path(folder)))
        figures = measured(Case(corpus, options, given.device, precision), given.repeats)
    settings = {name: getattr(given, name) for name in ("repeats", "epochs", "size", "batch_size", "device", "threads")}
    told = settings | {"precision": precision, "why": why, "rows": corpus.report.kept - corpus.report.held_out}
    words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())
    report = _machine.keep(
        "pretraining_step",
        f"python -m benchmarks.pretraining_step {words}",
        machine,
        told | figures | {"goal": {"steps_a_second_over_bare": GOAL}},
    )
    print(json.dumps(report["figures"], indent=2))
    return report


if __name__ == "__main__":
    main()
