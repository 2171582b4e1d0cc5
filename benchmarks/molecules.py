"""Molecules: ESOL on random splits beside chemprop 2, and ESOL, Lipo and BBBP on their fixed scaffold split.

    python -m benchmarks.molecules --data FOLDER            # all, about half an hour on 2 cores
    python -m benchmarks.molecules --data FOLDER --quick    # one seed, chemprop for 10 epochs: a smoke test

Goals: ESOL random 80/10/10, five seeds: mean test RMSE ≤ 0.85 × chemprop's in ≤ 1/4 of its wall time; scaffold: ESOL RMSE
≤ 0.82, Lipo RMSE ≤ 0.66, BBBP AUROC ≥ 0.73. Both programs get the same files, each in a new process with all cores, one
after the other; the time is that of the whole process. scitrain keeps duplicates, so that both are tested on the same rows, and
writes no ONNX file, as chemprop writes none; its time holds the baselines, the figures and the report, and is also told without
the stage in which the baselines are fitted and the network is judged, for which chemprop has nothing.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from benchmarks import _machine
from benchmarks._training import Trained, interval_of, read_rows, spread, train, with_split
from benchmarks.peers import chemprop

__all__ = ["main", "random_splits", "scaffold_split"]

WORDS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


@dataclass(frozen=True)
class Task:
    """A data set on its fixed scaffold split."""

    name: str
    target: str
    metric: str
    goal: float
    peer_seeds: int
    """Trainings of chemprop, which takes minutes for each."""


TASKS = (
    Task("esol", "logSolubility", "rmse", 0.82, 1),
    Task("lipo", "lipo", "rmse", 0.66, 0),
    Task("bbbp", "p_np", "auroc", 0.73, 1),
)


@dataclass(frozen=True)
class Effort:
    """How much is trained."""

    seeds: int
    epochs: int
    """Of chemprop."""
    scaffold_seeds: int


FULL = Effort(5, 50, 3)
QUICK = Effort(1, 10, 1)


def random_splits(data: Path, effort: Effort, folder: Path) -> dict[str, Any]:
    """Train both programs on the same random splits of ESOL, one right after the other."""
    rows = read_rows(data / "esol.csv")
    ours: list[Trained] = []
    theirs: list[chemprop.Chemprop] = []
    for seed in range(effort.seeds):
        file = folder / f"random{seed}.csv"
        with_split(rows, _random(len(rows), seed), file)
        ours.append(_train(file, "logSolubility", seed))
        if chemprop.program() is not None:
            theirs.append(chemprop.train(file, "logSolubility", epochs=effort.epochs, seed=seed))
        _tell("ESOL random", seed, ours, "rmse")
    found: dict[str, Any] = {
        "splits": [_pair(one, theirs[i] if theirs else None) for i, one in enumerate(ours)],
        "scitrain_rmse": spread([one.value("rmse")["value"] for one in ours]),
        "random_forest_rmse": spread([one.baseline("rmse", "random forest")["value"] for one in ours]),
        "scitrain_seconds": round(median(one.seconds for one in ours), 1),
    }
    if theirs:
        their = [interval_of("rmse", one.y, one.prediction)["value"] for one in theirs]
        found |= {
            "chemprop_epochs": effort.epochs,
            "chemprop_rmse": spread(their),
            "chemprop_seconds": round(median(one.seconds for one in theirs), 1),
            "rmse_ratio": round(mean(one.value("rmse")["value"] for one in ours) / mean(their), 3),
            "seconds_ratio": round(median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True)), 3),
            "seconds_ratio_without_baselines": round(
                median((a.seconds - a.timings["evaluate"]) / b.seconds for a, b in zip(ours, theirs, strict=True)), 3
            ),
            "goal": {"rmse_ratio": 0.85, "seconds_ratio": 0.25},
        }
    return found


def scaffold_split(name: str, data: Path, effort: Effort, folder: Path) -> dict[str, Any]:
    """Train on the fixed scaffold split of a data set; the forest reads the same features as the network."""
    task = next(task for task in TASKS if task.name == name)
    rows = read_rows(data / f"{task.name}.csv")
    file = folder / f"{task.name}.csv"
    with_split(rows, [WORDS[row["split"]] for row in rows], file)
    ours = [_train(file, task.target, seed) for seed in range(effort.scaffold_seeds)]
    _tell(f"{task.name} scaffold", len(ours) - 1, ours, task.metric)
    found: dict[str, Any] = {
        "metric": task.metric,
        "goal": task.goal,
        "scitrain": spread([one.value(task.metric)["value"] for one in ours]),
        "scitrain_of_each_seed": [one.value(task.metric) for one in ours],
        "random_forest": ours[0].baseline(task.metric, "random forest"),
        "scitrain_seconds": round(median(one.seconds for one in ours), 1),
    }
    seeds = min(task.peer_seeds, effort.scaffold_seeds)
    if seeds and chemprop.program() is not None:
        classes = task.metric == "auroc"
        theirs = [
            chemprop.train(file, task.target, epochs=effort.epochs, seed=seed, classes=classes) for seed in range(seeds)
        ]
        each = [interval_of(task.metric, one.y, one.prediction) for one in theirs]
        found |= {"chemprop": spread([one["value"] for one in each]), "chemprop_of_each_seed": each}
        found |= {"chemprop_seconds": round(median(one.seconds for one in theirs), 1)}
    return found


def _train(file: Path, target: str, seed: int) -> Trained:
    split = {"kind": "column", "column": "split"}
    return train(
        {"data": str(file), "target": target, "split": split, "duplicates": "keep", "seed": seed, "export": []}
    )


def _random(n: int, seed: int) -> list[str]:
    """Return the words of a random 80/10/10 split of n rows."""
    order = np.random.default_rng(seed).permutation(n)
    words = np.full(n, "train", dtype=object)
    words[order[int(0.8 * n) : int(0.9 * n)]] = "val"
    words[order[int(0.9 * n) :]] = "test"
    return [str(word) for word in words]


def _pair(ours: Trained, theirs: chemprop.Chemprop | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "scitrain": ours.value("rmse") | {"seconds": round(ours.seconds, 1), "stages": dict(ours.timings)}
    }
    found |= {"random_forest": ours.baseline("rmse", "random forest")}
    if theirs is not None:
        found["chemprop"] = interval_of("rmse", theirs.y, theirs.prediction) | {"seconds": round(theirs.seconds, 1)}
    return found


def _tell(what: str, seed: int, ours: Sequence[Trained], metric: str) -> None:
    value, seconds = ours[-1].value(metric)["value"], ours[-1].seconds
    print(f"{what}, seed {seed}: {metric} {value:.3f} in {seconds:.0f} s", flush=True)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/molecules_PART.json`` and return what they hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=tuple(PARTS))
    given = parser.parse_args(argv)
    data, effort = _machine.data_folder(given.data), QUICK if given.quick else FULL
    quick = " --quick" if given.quick else ""
    kept: dict[str, Any] = {}
    for part in [given.only] if given.only else PARTS:
        machine = _machine.describe()
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](data, effort, Path(folder))
        command = f"python -m benchmarks.molecules --data FOLDER --only {part}{quick}"
        kept[part] = _machine.keep(f"molecules_{part}{'_quick' if quick else ''}", command, machine, figures)
    return kept


PARTS: dict[str, Callable[[Path, Effort, Path], dict[str, Any]]] = {
    "random": random_splits,
    **{f"scaffold_{task.name}": partial(scaffold_split, task.name) for task in TASKS},
}


if __name__ == "__main__":
    main()
