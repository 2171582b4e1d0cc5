"""Design: compositions and molecules with several wanted properties at once, beside random search and the best known, at 2,000 predictions.

    python -m benchmarks.design --data FOLDER            # three searches each
    python -m benchmarks.design --data FOLDER --quick    # one, 400 predictions

Goal: of the 20 ranked first, at least three times as many satisfy every goal as of random search's 20.

Compositions: a gap of 3 ± 0.2 eV, a formation enthalpy of at most −2 eV/atom, elements of at most 5 USD/kg, no Pb and no Cd.
Molecules: log S of −1 ± 0.4 with logP of at least 2.5, against the trend of all known ones. The goals were set once, so that hardly
any known material meets them. Each data set is cut in half at random; the predictors of the search learn from one half, and a judge
that the search never sees from the other, with another seed: what a search gained by the errors of its own predictor, the judge does
not grant.
"""

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import scitrain
from benchmarks import _machine
from scitrain.chem.formulas import reduced
from scitrain.generation.goals import Goal
from scitrain.generation.satisfaction import miss
from scitrain.runs import Run
from scitrain.workflow.predictors import load_predictors
from scitrain.workspace import Workspace

__all__ = ["PROBLEMS", "main"]

SEEDS = (42, 1, 2)
MINUTES = 3.0
"""Longest training of a predictor."""
OWN, RANDOM = "design", "random known materials"


@dataclass(frozen=True)
class Problem:
    """What is wanted, and what predicts it."""

    tables: Mapping[str, tuple[str, str, str]]
    """By target: file or builtin, column of materials, column of the target."""
    request: Mapping[str, Any]
    """Fields of `scitrain.DesignMaterials`."""


PROBLEMS = {
    "compositions": Problem(
        {
            "gap_expt": ("matbench_expt_gap.csv", "formula", "gap_expt"),
            "formation_enthalpy": ("builtin:formation-enthalpy", "formula", "formation_enthalpy"),
        },
        {
            "targets": {
                "gap_expt": {"value": 3, "tolerance": 0.2},
                "formation_enthalpy": {"max": -2},
                "cost": {"max": 5},
            },
            "forbid": ["Pb", "Cd"],
        },
    ),
    "molecules": Problem(
        {"logSolubility": ("esol.csv", "smiles", "logSolubility")},
        {"targets": {"logSolubility": {"value": -1, "tolerance": 0.4}, "logp": {"min": 2.5}}},
    ),
}


def _halves(source: str, column: str, target: str, data: Path, folder: Path) -> tuple[Path, Path]:
    """Write two files of different materials."""
    if source.startswith("builtin:"):
        from scitrain.data.read import read

        found = read(source, Workspace(folder)).columns
        rows = list(zip(found[column], found[target], strict=True))
    else:
        with (data / source).open(encoding="utf-8", newline="") as file:
            rows = [(row[column], row[target]) for row in csv.DictReader(file)]
    of = {text: reduced(text) if column == "formula" else text for text, _ in rows}
    keys = sorted(set(of.values()))
    random.Random(0).shuffle(keys)
    first = set(keys[: len(keys) // 2])
    paths = folder / f"{target}_a.csv", folder / f"{target}_b.csv"
    for path, inside in zip(paths, (True, False), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column, target])
            writer.writerows(row for row in rows if (of[row[0]] in first) == inside)
    return paths


def _trained(path: Path, target: str, seed: int, workspace: Workspace) -> str:
    done = scitrain.TrainModel(
        data=str(path), target=target, model="mlp", seed=seed, export=[], max_minutes=MINUTES
    ).run(workspace=workspace)
    return done.run_id


def measure(problem: Problem, data: Path, seeds: Sequence[int], predictions: int) -> dict[str, Any]:
    """Train predictors and judges, search with each seed, and count by both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder / "workspace")
        workspace.root.mkdir()
        halves = {target: _halves(*told, data, folder) for target, told in problem.tables.items()}
        own = [_trained(a, target, 42, workspace) for target, (a, _) in halves.items()]
        judges = [_trained(b, target, 7, workspace) for target, (_, b) in halves.items()]
        each = [_once(problem, own, judges, seed, predictions, workspace) for seed in seeds]
    told = {
        way: {by: median(one["ways"][way][by] for one in each) for by in ("predictor", "judge")}
        for way in each[0]["ways"]
    }
    ahead = told[OWN]["predictor"] / max(told[RANDOM]["predictor"], 1)
    return {
        "request": dict(problem.request),
        "predictions": predictions,
        "satisfied_of_20_median": told,
        "ratio_to_random": round(ahead, 2),
        "ratio_note": "random search's count is taken as 1 where it is 0",
        "each": each,
        "goal": "at least 3 times as many as random search, as the predictors say",
        "reached": ahead >= 3,
    }


def _once(
    problem: Problem, own: Sequence[str], judges: Sequence[str], seed: int, predictions: int, workspace: Workspace
) -> dict[str, Any]:
    begin, cpu = time.perf_counter(), time.process_time()
    done = scitrain.DesignMaterials(**problem.request, predictors=list(own), n=predictions, seed=seed).run(
        workspace=workspace
    )
    seconds, spent = time.perf_counter() - begin, time.process_time() - cpu
    told = Run.open(done.run_id, workspace).read_json("results/design.json")
    ways = {}
    for one in told["search"]:
        ways[one["name"]] = {
            "predictions": one["predictions"],
            "predictor": one["satisfied"],
            "judge": _by_judge(one["top"], problem, judges, workspace),
        }
        print(f"seed {seed}: {one['name']}: {ways[one['name']]}", flush=True)
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(spent, 1),
        "satisfied": told["satisfied"],
        "ways": ways,
    }


def _by_judge(top: Sequence[str], problem: Problem, judges: Sequence[str], workspace: Workspace) -> int:
    """Count those that satisfy every goal as models trained on other rows say."""
    if not top:
        return 0
    from scitrain.generation.describe import describe

    kind = "formula" if next(iter(problem.tables.values()))[1] == "formula" else "smiles"
    said = load_predictors(judges, workspace).predict(top).values
    numbers = {**describe(kind, top).numbers, **said}
    goals = {name: Goal.model_validate(goal) for name, goal in problem.request["targets"].items()}
    return int(np.all([miss(goal, np.asarray(numbers[name]), 1.0) == 0 for name, goal in goals.items()], axis=0).sum())


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/design.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=list(PROBLEMS))
    given = parser.parse_args(argv)
    machine, seeds = _machine.describe(), SEEDS[:1] if given.quick else SEEDS
    chosen = [given.only] if given.only else list(PROBLEMS)
    quick = " --quick" if given.quick else ""
    only = f" --only {given.only}" if given.only else ""
    name = "_".join(filter(None, ["design", given.only, "quick" if given.quick else ""]))
    figures: dict[str, Any] = {}
    for problem in chosen:
        figures[problem] = measure(PROBLEMS[problem], given.data, seeds, 400 if given.quick else 2000)
        # after each, so that a run that is stopped leaves what it measured
        kept = _machine.keep(name, f"python -m benchmarks.design --data FOLDER{only}{quick}", machine, figures)
    return kept


if __name__ == "__main__":
    main()
