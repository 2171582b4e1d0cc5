"""Distillation: an ensemble of five teaches one small network, with formulas that nobody labelled.

    python -m benchmarks.distillation --data FOLDER                        # both parts, three teachers each
    python -m benchmarks.distillation --data FOLDER --parts enthalpy       # one of them
    python -m benchmarks.distillation --data FOLDER --quick                # one teacher each

Goal: a student with at most a tenth of the teacher's parameters keeps at least 97 % of its quality (RMSE of the teacher over
RMSE of the student), and beats the same student without a teacher, the paired 95 % interval excluding zero.

enthalpy: `train_model` on builtin:formation-enthalpy with its defaults, split by chemical system by each seed, some 214 test rows;
unlabelled rows are a sample of formulas_100k.csv. computed: few labels and many rows to test on, drawn from mp_e_form.csv; each
seed draws its own labelled rows, the test rows are the same. Whole chemical systems are held out, and those of labelled, unlabelled
and test rows are different ones. A formula has the energy of its most stable polymorph; the file's multiples of it (HgO, Hg3O3) are merged
when it is read, so that some 2,130 training, 550 validation and 5,358 test rows remain. The labels of unlabelled rows are not written.

Settings of the student were chosen by the validation rows of teachers of their own, seed 7, that are not among those reported; the
labels of test rows chose nothing.
"""

import argparse
import csv
import math
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scitrain
from benchmarks import _machine
from benchmarks._training import read_rows, spread
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["Part", "computed", "enthalpy", "main", "one"]

SEEDS = (42, 1, 2)
STUDENT = {"family": "mlp", "widths": [64], "norm": "none", "dropout": 0.0}
LEAST_KEPT, MOST_PARAMETERS = 0.97, 0.1
ENTHALPY_UNLABELLED = 8000
LABELLED, VALIDATION, TEST, UNLABELLED = 2400, 600, 6000, 20_000


@dataclass(frozen=True)
class Part:
    """What one teacher is asked to learn, and what its student has besides."""

    teacher: dict[str, Any]
    """Fields of `scitrain.TrainModel`."""
    student: dict[str, Any]
    """Fields of `scitrain.DistillModel`."""


def enthalpy(data: Path, folder: Path, seed: int) -> Part:
    """Measured formation enthalpies that ship with scitrain; the same unlabelled formulas for each seed."""
    formulas = [row["formula"] for row in read_rows(data / "formulas_100k.csv")]
    random.Random(0).shuffle(formulas)
    unlabelled = _write(folder / "unlabelled.csv", ("formula",), zip(formulas[:ENTHALPY_UNLABELLED]))
    teacher = {"data": "builtin:formation-enthalpy", "seed": seed}
    return Part(teacher, {"model": STUDENT, "alpha": 0.9, "unlabelled": str(unlabelled)})


def computed(data: Path, folder: Path, seed: int) -> Part:
    """Computed formation energies: 3,000 rows with a label, 20,000 without, 6,000 to test on."""
    energies: dict[str, float] = {}
    for row in read_rows(data / "mp_e_form.csv"):
        value = float(row["e_form_eV_atom"])
        energies[row["formula"]] = min(value, energies.get(row["formula"], math.inf))
    systems: dict[str, list[str]] = {}
    for formula in sorted(energies):
        systems.setdefault("-".join(sorted(set(re.findall(r"[A-Z][a-z]?", formula)))), []).append(formula)
    names = sorted(systems)
    random.Random(0).shuffle(names)
    test = _take(names, systems, TEST)
    random.Random(seed).shuffle(names)
    parts = {"train": _take(names, systems, LABELLED), "valid": _take(names, systems, VALIDATION), "test": test}
    labelled = [(one, f"{energies[one]:.6f}", part) for part, some in parts.items() for one in some]
    data_file = _write(folder / "labelled.csv", ("formula", "e_form", "split"), labelled)
    unlabelled = _write(folder / "unlabelled.csv", ("formula",), zip(_take(names, systems, UNLABELLED)))
    split = {"kind": "column", "column": "split"}
    teacher = {"data": str(data_file), "target": "e_form", "unit": "eV/atom", "split": split, "seed": seed}
    return Part(teacher, {"model": STUDENT, "alpha": 0.9, "unlabelled": str(unlabelled)})


def _take(names: list[str], systems: dict[str, list[str]], count: int) -> list[str]:
    """Take whole chemical systems off the end of ``names`` until there are ``count`` formulas."""
    found: list[str] = []
    while len(found) < count:
        found.extend(systems[names.pop()])
    return found[:count]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def one(part: Part, workspace: Workspace) -> dict[str, Any]:
    """Train a teacher, and a student with and without it."""
    teacher = scitrain.TrainModel(**part.teacher, export=[]).run(workspace=workspace)
    done = scitrain.DistillModel(run=teacher.run_id, **part.student, export=[]).run(workspace=workspace)
    told = Run.open(done.run_id, workspace).read_json("results/distillation.json")
    spans = {
        name: {end: _rounded(told[name][end]) for end in ("value", "low", "high")}
        for name in ("teacher", "student", "alone", "kept", "lost", "gained")
    }
    return {"n": told["n"], "unit": told["unit"], **spans, "validation": told["validation"], "sizes": told["sizes"]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _small(found: dict[str, Any]) -> bool:
    sizes = found["sizes"]
    return bool(sizes["student"]["parameters"] <= MOST_PARAMETERS * sizes["teacher"]["parameters"])


def _measured(make: Callable[[Path, Path, int], Part], data: Path, seeds: Sequence[int]) -> dict[str, Any]:
    each = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            part = make(data, Path(folder), seed)
            each.append({"seed": seed} | one(part, Workspace(Path(folder) / "workspace")))
        print(f"{make.__name__}: { {name: each[-1][name] for name in ('seed', 'kept', 'gained', 'n')} }", flush=True)
    return {
        "metric": "rmse",
        "kept": spread([found["kept"]["value"] for found in each]),
        "of_each_teacher": each,
        "student": {name: value for name, value in part.student.items() if name != "unlabelled"},
        "goal_kept": LEAST_KEPT,
        "reached_size": all(map(_small, each)),
        "reached_kept": all(found["kept"]["value"] >= LEAST_KEPT for found in each),
        "reached_gain": all((found["gained"]["low"] or 0) > 0 for found in each),
    }


PARTS = {"enthalpy": enthalpy, "computed": computed}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/distillation.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(argv)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    seeds, name = (SEEDS[:1], "distillation_quick") if given.quick else (SEEDS, "distillation")
    command = "python -m benchmarks.distillation --data FOLDER" + (" --quick" if given.quick else "")
    for part in given.parts.split(","):
        measured = {"command": f"{command} --parts {part}", "machine": machine}
        found = _measured(PARTS[part], data, seeds) | measured
        report = _machine.keep(name, command, machine, _machine.kept_before(name) | {part: found})
    return report


if __name__ == "__main__":
    main()
