"""A search beside plain Optuna with a hand-written loop, two workers beside one, and a study that is killed.

    python -m benchmarks.tuning --data FOLDER [--only search|workers|killed] [--trials 40] [--seeds 3] [--threads 1] [--quick]

Goals, on ESOL with 40 trials: best validation RMSE ≤ the hand-written search's at the same trials in ≤ 1.1 × its wall time;
two workers ≥ 1.6 × one where two cores are free; a study killed with SIGKILL loses no finished trial.

- *search*: both read the same rows, the same inputs of the network (scitrain's own transform of the features, which the hand-written
  loop is given), split, space, sampler, pruner, trials, epochs, patience and threads; they take turns, and who begins changes with the
  seed. The time is that of the search alone. Validation RMSE is the unit in which both choose. The processor time stands beside the
  wall time: it says the same where others use the machine.
- *workers*: one process of one thread, then two such: from the request to the best variant, data and process starts included. All
  try the same variants, points of a grid, for with TPE two would train other networks than one. Beside it one process as it works by
  default, on all cores (`speed_up_over_one_on_all_cores`), and what two processes with a loop of torch alone do over one
  (`bare_two_over_one`): where that is far below 2 the machine has not two cores to give, and the speed-up says nothing of the search.
- *killed*: SIGKILL after four trials have ended, then resume_run.

``--only`` measures one part and leaves the others in the file as they were, each with its own date and load.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import optuna
import torch
from torch import nn

import scitrain
from benchmarks import _machine
from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.executors import EXECUTORS
from scitrain.resources import cpu_count, torch_threads
from scitrain.runs import Progress, Run
from scitrain.training.learning import Learning
from scitrain.training.transforms import learn_input
from scitrain.tuning.crew import crew
from scitrain.tuning.job import SearchJob
from scitrain.tuning.planning import plan_search
from scitrain.tuning.search import search
from scitrain.workflow.network import choose_network
from scitrain.workflow.training import learning_of
from scitrain.workspace import Workspace

SPACE_STACKS = ((128, 128), (256, 256), (512, 512), (512, 256), (256, 256, 256))
Searched = dict[str, float]


def asked(data: Path, **more: object) -> scitrain.TuneHyperparameters:
    return scitrain.TuneHyperparameters(
        data=str(data / "esol.csv"),
        target="logSolubility",
        unit="log10(mol/L)",
        split={"kind": "column", "column": "split"},
        device="cpu",
        **more,
    )


def settled(request: scitrain.TuneHyperparameters, run: Run) -> tuple[SearchJob, Learning]:
    """Prepare rows and features, and settle the search; what both contestants have before their clock starts."""
    prepared = prepare(request.part(DataOptions), run.workspace, run)
    learning = learning_of(prepared, choose_network(prepared, None, run), request, run)
    return plan_search(request, learning, None, prepared.targets, None, run.id)[0], learning


class Watch:
    """Wall and processor time of this process since it was made, in seconds."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def read(self) -> Searched:
        return {"seconds": time.perf_counter() - self.wall, "cpu_seconds": time.process_time() - self.processor}


def ours(request: scitrain.TuneHyperparameters, workspace: Workspace) -> Searched:
    run = Run.create("tune_hyperparameters", request.model_dump(mode="json"), workspace)
    job, learning = settled(request, run)
    watch = Watch()
    found = search(job, learning, run)
    epochs = sum(trial.epochs or 0 for trial in found.trials)
    return watch.read() | {"rmse": (found.best.values or [0.0])[0], "epochs": epochs}


def from_request(request: scitrain.TuneHyperparameters, root: Path) -> Searched:
    """Search in a workspace of its own, where nothing is prepared yet."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        run = Run.create("tune_hyperparameters", request.model_dump(mode="json"), Workspace(Path(folder)))
        watch = Watch()
        with crew(request.workers, run) as hands:
            found = search(*settled(request, run), run, hands)
        epochs = sum(trial.epochs or 0 for trial in found.trials)
        return watch.read() | {"rmse": (found.best.values or [0.0])[0], "epochs": epochs}


def network(trial: optuna.Trial, inputs: int) -> nn.Sequential:
    """Suggest and build an MLP as one writes it by hand."""
    widths = SPACE_STACKS[trial.suggest_categorical("widths", list(range(len(SPACE_STACKS))))]
    norm = trial.suggest_categorical("norm", ["batch", "layer", "none"])
    dropout, first = trial.suggest_float("dropout", 0.0, 0.6), trial.suggest_float("input_dropout", 0.0, 0.3)
    norms = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": lambda width: nn.Identity()}
    layers: list[nn.Module] = [nn.Dropout(first)]
    for inside, width in zip((inputs, *widths[:-1]), widths, strict=True):
        layers += [nn.Linear(inside, width), norms[norm](width), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


class Loop:
    """The loop one writes by hand: tensors indexed, AdamW (fused), a cosine, early stopping, pruning."""

    def __init__(self, job: SearchJob, learning: Learning, seed: int) -> None:
        self.job, self.seed, self.epochs = job, seed, 0
        inputs, _ = learn_input(learning.shape, learning.x, learning.train)
        with torch.no_grad():
            self.x = inputs(torch.from_numpy(np.array(learning.x)))
        self.train, self.val = torch.from_numpy(learning.train), torch.from_numpy(learning.val)
        labels = torch.from_numpy(learning.y)
        self.spread = float(labels[self.train].std())
        self.y = (labels - labels[self.train].mean()) / self.spread

    def __call__(self, trial: optuna.Trial) -> float:
        torch.manual_seed(self.seed)
        net = network(trial, self.x.shape[1])
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
        decay = trial.suggest_float("weight_decay", 1e-4, 0.5, log=True)
        batch = trial.suggest_categorical("batch_size", [32, 64, 128, 256])
        optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay, fused=True)
        steps = self.job.epochs * -(-len(self.train) // batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        best, since = float("inf"), 0
        for epoch in range(1, self.job.epochs + 1):
            self.one_epoch(net, optimizer, schedule, batch)
            rmse = self.validate(net)
            since = 0 if rmse < best else since + 1
            best = min(best, rmse)
            trial.report(rmse, epoch)
            if since >= self.job.patience:
                break
            if trial.should_prune():
                raise optuna.TrialPruned
        return best

    def one_epoch(self, net: nn.Module, optimizer: torch.optim.Optimizer, schedule: Any, batch: int) -> None:  # noqa: ANN401  # torch's own class is private
        net.train()
        self.epochs += 1
        for chosen in self.train[torch.randperm(len(self.train))].split(batch):
            loss = nn.functional.mse_loss(net(self.x[chosen]), self.y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()

    def validate(self, net: nn.Module) -> float:
        net.eval()
        with torch.no_grad():
            return float(nn.functional.mse_loss(net(self.x[self.val]), self.y[self.val]).sqrt()) * self.spread


def by_hand(job: SearchJob, learning: Learning, seed: int) -> Searched:
    """Search with plain Optuna in memory."""
    watch = Watch()
    loop = Loop(job, learning, seed)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, job.epochs // 6))
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True), pruner=pruner)
    with torch_threads():
        study.optimize(loop, n_trials=job.n_trials)
    return watch.read() | {"rmse": study.best_value, "epochs": loop.epochs}


def lost_to_a_kill(request: scitrain.TuneHyperparameters, workspace: Workspace, after: int) -> dict[str, Any]:
    """Kill a search in the background once ``after`` trials have ended, resume it, and count what is lost."""
    run = Run.open(request.start(workspace, EXECUTORS["local"]).run_id, workspace)

    def ended() -> dict[int, Any]:
        lines = (run.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
        told = [json.loads(line) for line in lines if line.startswith('{"event": "trial"')]
        return {event["number"]: event["values"] for event in told}

    def kill(step: Progress) -> None:
        pid = run.pid()
        if step.stage == "tune" and step.done >= after and pid is not None:
            os.kill(pid, signal.SIGKILL)

    def waited(on_progress: Callable[[Progress], None] | None = None) -> str:
        while (view := scitrain.GetRun(run_id=run.id, wait_s=45).run(workspace, on_progress)).status in (
            "queued",
            "running",
        ):
            pass
        return view.status

    state = waited(kill)
    before = ended()
    scitrain.ResumeRun(run_id=run.id).start(workspace, EXECUTORS["local"])
    end = waited()
    trials = json.loads((run.path / "results/optuna_trials.json").read_text(encoding="utf-8"))["trials"]
    kept = {trial["number"]: trial["values"] for trial in trials if trial["state"] in ("complete", "pruned", "failed")}
    lost = [number for number, values in before.items() if kept.get(number, "gone") != values]
    return {"killed": state, "ended_before": len(before), "lost": len(lost), "then": end, "ended_after": len(kept)}


def measure_search(data: Path, trials: int, seeds: int, threads: int, workspace: Workspace) -> dict[str, Any]:
    """Let both search in turns, seed by seed, on so many threads each."""
    torch.set_num_threads(threads)
    warm_up = Run.create("tune_hyperparameters", {}, workspace)
    by_hand(*settled(asked(data, n_trials=1), warm_up), 0)
    single: list[Searched] = []
    hand: list[Searched] = []
    for seed in range(seeds):
        request = asked(data, n_trials=trials, seed=seed)
        turns: list[tuple[list[Searched], Callable[[], Searched]]] = [
            (single, partial(ours, request, workspace)),
            (hand, partial(by_hand, *settled(request, warm_up), seed)),
        ]
        for kept, work in turns if seed % 2 == 0 else reversed(turns):
            kept.append(work())
        print(seed, "scitrain", single[-1], "by hand", hand[-1], flush=True)
    return {
        "trials": trials,
        "threads": threads,
        "rmse_over_by_hand": round(mean(a["rmse"] for a in single) / mean(b["rmse"] for b in hand), 3),
        "seconds_over_by_hand": ratio(single, hand, "seconds"),
        "cpu_seconds_over_by_hand": ratio(single, hand, "cpu_seconds"),
        "cpu_seconds_an_epoch_over_by_hand": ratio(an_epoch(single), an_epoch(hand), "cpu_seconds"),
        "rounds": {"scitrain": rounded(single), "by_hand": rounded(hand)},
    }


BARE = """
import sys, time, torch
torch.set_num_threads(1)
net = torch.nn.Sequential(torch.nn.Linear(300, 128), torch.nn.ReLU(), torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1))
optimizer = torch.optim.AdamW(net.parameters(), fused=True)
x, y = torch.randn(64, 300), torch.randn(64, 1)
print("ready", flush=True)
input()
begin = time.perf_counter()
for _ in range(3000):
    optimizer.zero_grad()
    (net(x) - y).square().mean().backward()
    optimizer.step()
print(time.perf_counter() - begin)
"""


def bare_seconds(processes: int) -> float:
    """Return the mean seconds of so many processes that run the bare loop at the same time."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    begun = [subprocess.Popen([sys.executable, "-c", BARE], **pipes) for _ in range(processes)]
    for process in begun:
        process.stdout.readline()  # type: ignore[union-attr]  # it is ready: torch is imported
    for process in begun:
        process.stdin.write("\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    return mean(float(process.communicate()[0]) for process in begun)


def measure_workers(data: Path, trials: int, seeds: int, threads: int, workspace: Workspace) -> dict[str, Any]:
    """Let one process search on one thread, two on one each, and one on all cores."""
    del threads  # each count of workers takes the threads it takes by default
    torch.set_num_threads(cpu_count())
    narrow: list[Searched] = []
    two: list[Searched] = []
    wide: list[Searched] = []
    bare: list[float] = []
    from_request(asked(data, n_trials=1), workspace.root)  # a warm-up
    for seed in range(seeds):
        request = asked(data, n_trials=trials, seed=seed, pruner="none", sampler="grid")
        with torch_threads(1):
            narrow.append(from_request(request, workspace.root))
        two.append(from_request(request.model_copy(update={"workers": 2}), workspace.root))
        wide.append(from_request(request, workspace.root))
        bare.append(2 * bare_seconds(1) / bare_seconds(2))
        print(seed, "one thread", narrow[-1], "two", two[-1], "all cores", wide[-1], "bare", bare[-1], flush=True)
    return {
        "trials": trials,
        "cores": cpu_count(),
        "bare_two_over_one": round(median(bare), 2),
        "speed_up": round(1 / ratio(two, narrow, "seconds"), 2),
        "speed_up_over_one_on_all_cores": round(1 / ratio(two, wide, "seconds"), 2),
        "rounds": {"one": rounded(narrow), "two": rounded(two), "one_on_all_cores": rounded(wide)},
    }


def measure_killed(data: Path, trials: int, seeds: int, threads: int, workspace: Workspace) -> dict[str, Any]:
    """Kill one search and resume it."""
    del seeds, threads
    return lost_to_a_kill(asked(data, n_trials=min(trials, 12), ensemble=1, export=[]), workspace, 4)


PARTS = {"search": measure_search, "workers": measure_workers, "killed": measure_killed}
GOAL = {"rmse_over_by_hand": 1.0, "seconds_over_by_hand": 1.1, "two_workers_speed_up": 1.6, "lost": 0}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/tuning.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of torch, for both who search")
    parser.add_argument("--quick", action="store_true", help="8 trials, one seed")
    given = parser.parse_args(argv)
    trials, seeds = (8, 1) if given.quick else (given.trials, given.seeds)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    figures: dict[str, Any] = {"data": "esol.csv, its scaffold split", "goal": GOAL} | kept_parts()
    for name in [given.only] if given.only else PARTS:
        before = round(os.getloadavg()[0], 2)
        with tempfile.TemporaryDirectory() as folder:
            found = PARTS[name](data, trials, seeds, given.threads, Workspace(Path(folder)))
        load = {"before": before, "after": round(os.getloadavg()[0], 2)}
        figures[name] = {"date": machine["date"], "load": load} | found
        command = (
            f"python -m benchmarks.tuning --data FOLDER --trials {trials} --seeds {seeds} --threads {given.threads}"
        )
        report = _machine.keep("tuning", command, machine, figures)
    print(json.dumps(report["figures"], indent=2))
    return report


def kept_parts() -> dict[str, Any]:
    """Return the parts that were measured before."""
    figures = _machine.kept_before("tuning")
    return {name: figures[name] for name in PARTS if name in figures}


def ratio(ours: list[Searched], theirs: list[Searched], what: str) -> float:
    """Return the median over the seeds of ours to theirs."""
    return round(median(a[what] / b[what] for a, b in zip(ours, theirs, strict=True)), 3)


def an_epoch(found: list[Searched]) -> list[Searched]:
    """Return processor seconds an epoch."""
    return [{"cpu_seconds": one["cpu_seconds"] / one["epochs"]} for one in found]


def rounded(found: list[Searched]) -> list[Searched]:
    """Return the rounds as they are written down."""
    return [{name: round(value, 4) for name, value in one.items()} for one in found]


if __name__ == "__main__":
    main()
