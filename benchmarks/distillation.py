"""Distillation: a five-member ensemble of formation enthalpies teaches one small network, with formulas that nobody measured.

    python -m benchmarks.distillation --data FOLDER            # three teachers
    python -m benchmarks.distillation --data FOLDER --quick    # one

Goal: a student with at most a tenth of the teacher's parameters keeps at least 97 % of its quality (RMSE of the teacher over
RMSE of the student), and beats the same student without a teacher, the paired 95 % interval excluding zero.

The teacher is `train_model` on builtin:formation-enthalpy with its defaults, split by chemical system by each seed; the
unlabelled rows are a sample of formulas_100k.csv. The student's width (of 32, 64 and twice 32) was chosen by the validation rows of
a teacher of its own, seed 7, that is not among those reported.
"""

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scitrain
from benchmarks import _machine
from benchmarks._training import read_rows, spread
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["main", "one"]

SEEDS = (42, 1, 2)
UNLABELLED = 8000
STUDENT = {"family": "mlp", "widths": [64], "norm": "none", "dropout": 0.0}
ALPHA = 0.9
LEAST_KEPT, MOST_PARAMETERS = 0.97, 0.1


def one(unlabelled: Path, seed: int, workspace: Workspace) -> dict[str, Any]:
    """Train a teacher, and a student with and without it."""
    teacher = scitrain.TrainModel(data="builtin:formation-enthalpy", seed=seed, export=[]).run(workspace=workspace)
    asked: dict[str, Any] = {"model": STUDENT, "alpha": ALPHA, "unlabelled": str(unlabelled), "export": []}
    done = scitrain.DistillModel(run=teacher.run_id, **asked).run(workspace=workspace)
    told = Run.open(done.run_id, workspace).read_json("results/distillation.json")
    print("\n".join(done.sentences), flush=True)
    spans = {
        name: {end: _rounded(told[name][end]) for end in ("value", "low", "high")}
        for name in ("teacher", "student", "alone", "kept", "lost", "gained")
    }
    return {"seed": seed, "n": told["n"], "unit": told["unit"], **spans, "sizes": told["sizes"]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _small(found: dict[str, Any]) -> bool:
    sizes = found["sizes"]
    return bool(sizes["student"]["parameters"] <= MOST_PARAMETERS * sizes["teacher"]["parameters"])


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/distillation.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(argv)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    formulas = [row["formula"] for row in read_rows(data / "formulas_100k.csv")]
    random.Random(0).shuffle(formulas)
    with tempfile.TemporaryDirectory() as folder:
        unlabelled = Path(folder) / "unlabelled.csv"
        unlabelled.write_text("\n".join(["formula", *formulas[:UNLABELLED]]) + "\n", encoding="utf-8")
        seeds = SEEDS[:1] if given.quick else SEEDS
        each = [one(unlabelled, seed, Workspace(Path(folder) / "workspace")) for seed in seeds]
    figures = {
        "metric": "rmse",
        "kept": spread([found["kept"]["value"] for found in each]),
        "of_each_teacher": each,
        "student": STUDENT | {"alpha": ALPHA, "unlabelled_rows": UNLABELLED},
        "goal_kept": LEAST_KEPT,
        "reached_size": all(map(_small, each)),
        "reached_kept": all(found["kept"]["value"] >= LEAST_KEPT for found in each),
        "reached_gain": all((found["gained"]["low"] or 0) > 0 for found in each),
    }
    quick = " --quick" if given.quick else ""
    name = "distillation_quick" if given.quick else "distillation"
    return _machine.keep(name, f"python -m benchmarks.distillation --data FOLDER{quick}", machine, figures)


if __name__ == "__main__":
    main()
