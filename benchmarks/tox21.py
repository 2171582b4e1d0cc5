"""Tox21: twelve assays learned together, a sixth of the labels missing, on the fixed scaffold split.

    python -m benchmarks.tox21 --data FOLDER                 # scores, then gain: about half an hour on 2 cores
    python -m benchmarks.tox21 --data FOLDER --only scores
    python -m benchmarks.tox21 --data FOLDER --quick         # one seed, chemprop for 2 epochs: a smoke test

Goals: mean test AUROC ≥ 0.79 over three seeds, ≥ a random forest on Morgan counts and ≥ chemprop's multi-task network in the same run. All
read the same file: the 8 SMILES that RDKit cannot parse are left out, duplicates are kept, so that all are tested on the same rows.
`gain` compares the network of all assays with a network for each, in pairs on the same test rows.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import _machine
from benchmarks._training import Trained, read_rows, spread, train, with_split
from benchmarks.peers import chemprop
from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.scoring import score_by

__all__ = ["RECIPE", "main"]

RECIPE: dict[str, Any] = {"ensemble": 10, "refit": []}
"""What is asked for besides data, targets and split. Ten networks were chosen by scaffold splits inside the training and validation rows,
see README.md; `refit` (train on the validation rows too, in the end) was taken without a choice."""
WORDS = {"train": "train", "valid": "val", "test": "test"}
BITS = 2048
GOAL = 0.79


@dataclass(frozen=True)
class Effort:
    """How much is trained."""

    seeds: int
    epochs: int
    """Of chemprop."""
    peer_seeds: int
    """Trainings of chemprop, each of which takes many minutes on a CPU."""
    trees: int


FULL = Effort(3, 20, 1, 300)
QUICK = Effort(1, 2, 1, 20)


def scores(data: Path, effort: Effort, folder: Path) -> dict[str, Any]:
    """Train scitrain, a forest for each assay, and chemprop on the same rows."""
    file, targets = _written(data, folder)
    ours = [train(_request(file, targets, seed)) for seed in range(effort.seeds)]
    for seed, one in enumerate(ours):
        print(f"seed {seed}: mean AUROC {one.value('auroc')['value']:.3f} in {one.seconds:.0f} s", flush=True)
    y, forest = _forest(file, targets, effort.trees)
    found: dict[str, Any] = {
        "metric": "mean AUROC of 12 assays",
        "goal": GOAL,
        "recipe": RECIPE or "defaults",
        "scitrain": spread([one.value("auroc")["value"] for one in ours]),
        "scitrain_of_each_seed": [one.value("auroc") for one in ours],
        "scitrain_own_forest": _own_forest(ours[0]),
        "scitrain_seconds": round(median(one.seconds for one in ours), 1),
        "random_forest": _mean_auroc(y, forest)
        | {"reads": f"Morgan counts, radius 2, {BITS} bits", "trees": effort.trees},
    }
    if chemprop.program() is not None:
        theirs = [
            chemprop.train(file, targets, epochs=effort.epochs, seed=seed, classes=True)
            for seed in range(effort.peer_seeds)
        ]
        each = [_mean_auroc(one.y, one.prediction) for one in theirs]
        found |= {"chemprop": spread([one["value"] for one in each]), "chemprop_of_each_seed": each}
        found |= {"chemprop_epochs": effort.epochs, "chemprop_seconds": round(median(one.seconds for one in theirs), 1)}
    return found


def gain(data: Path, effort: Effort, folder: Path) -> dict[str, Any]:
    """Train all assays together, and each alone."""
    file, targets = _written(data, folder)
    one = train(_request(file, targets, 0) | {"single_tasks": []})
    return {"metric": "AUROC", "seconds": round(one.seconds, 1), **dict(one.single)}


def _written(data: Path, folder: Path) -> tuple[Path, list[str]]:
    """Write the rows that RDKit can parse, and return the file with the names of the assays."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    rows = [row for row in read_rows(data / "tox21.csv") if Chem.MolFromSmiles(row["smiles"]) is not None]
    file = folder / "tox21.csv"
    with_split(rows, [WORDS[row["split"]] for row in rows], file)
    return file, [name for name in rows[0] if name not in ("smiles", "split")]


def _request(file: Path, targets: list[str], seed: int) -> dict[str, Any]:
    split = {"kind": "column", "column": "split"}
    asked = {
        "data": str(file),
        "target": targets,
        "inputs": "smiles",
        "split": split,
        "duplicates": "keep",
        "seed": seed,
    }
    return asked | {"export": []} | RECIPE


def _own_forest(one: Trained) -> dict[str, Any]:
    """Return the forest that scitrain itself compares with, with the paired difference; it has two minutes at most."""
    return one.baseline("auroc", "random forest") | {"reads": "descriptors and Morgan counts"}


def _forest(file: Path, targets: Sequence[str], trees: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and predictions of the test rows, both (n, targets): a forest an assay, fitted to training and validation rows."""
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator
    from sklearn.ensemble import RandomForestClassifier

    rows = read_rows(file)
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    x = np.stack([maker.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(row["smiles"])) for row in rows]).astype(
        np.float32
    )
    y = _labels(rows, targets)
    test = np.array([row["split"] == "test" for row in rows])
    said = np.zeros((int(test.sum()), len(targets)))
    for i in range(len(targets)):
        known = ~test & np.isfinite(y[:, i])
        model = RandomForestClassifier(trees, n_jobs=-1, random_state=0).fit(x[known], y[known, i].astype(int))
        said[:, i] = model.predict_proba(x[test])[:, 1]
    return y[test], said


def _labels(rows: Sequence[dict[str, str]], targets: Sequence[str]) -> np.ndarray:
    return np.array([[float(row[name]) if row[name] else np.nan for name in targets] for row in rows])


def _mean_auroc(y: np.ndarray, prediction: np.ndarray) -> dict[str, Any]:
    """Return the mean over the assays with its 95 % bootstrap interval over rows."""
    metric = METRICS["auroc"]
    found = score_by(metric, "multilabel", y, prediction).mean(metric)
    return {
        name: None if (v := getattr(found, name)) is None else round(float(v), 4) for name in ("value", "low", "high")
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/tox21_PART.json`` and return what they hold."""
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
        command = f"python -m benchmarks.tox21 --data FOLDER --only {part}{quick}"
        kept[part] = _machine.keep(f"tox21_{part}{'_quick' if quick else ''}", command, machine, figures)
    return kept


PARTS: dict[str, Callable[[Path, Effort, Path], dict[str, Any]]] = {"scores": scores, "gain": gain}


if __name__ == "__main__":
    main()
