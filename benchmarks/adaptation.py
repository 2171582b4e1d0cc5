"""Domain adaptation on three real shifts: digits of another stroke, molecules of another scaffold family, spectra of another level.

    python -m benchmarks.adaptation --data FOLDER            # three seeds
    python -m benchmarks.adaptation --data FOLDER --quick    # one

Goal: DANN or deep CORAL, whichever the run itself keeps without a label of the target, beats source-only on the target's test
rows, the paired 95 % interval excluding zero.

Digits (scikit-learn's): learn from thin ones, predict bold ones, parted at the median ink of each digit, as a table of 64
pixels. Tecator: learn from spectra whose absorbance at 850 nm lies below the median, predict the others. Of both 40 % of the
target measure, the same rows with every seed. ESOL: learn from molecules without rings, predict those with rings; the target's
test rows are those of the fixed scaffold split (it has no molecule without rings).

The weights of the methods are the usual ones, which were chosen by rows of the target that measure nothing, with another seed.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import scitrain
from benchmarks import _machine
from benchmarks._training import read_rows, spread
from scitrain.data.options import DataOptions, DomainOptions
from scitrain.runs import Run
from scitrain.workflow.domains import prepare_domains
from scitrain.workspace import Workspace

__all__ = ["main", "one"]

SEEDS = (42, 1, 2)
CHOOSING = 7
"""Seed with which weights were chosen; the rows that measured then, which nothing was chosen by, measure here."""
LEVEL = "850.0"
"""Wavelength in nm by whose absorbance the spectra are parted."""


def _digits(data: Path, folder: Path) -> dict[str, Any]:
    """Write the digits with the stroke of each, and return the request."""
    import numpy as np
    from sklearn.datasets import load_digits

    known = load_digits()
    ink = known.data.sum(axis=1)
    usual = np.array([np.median(ink[known.target == digit]) for digit in range(10)])
    rows = []
    for pixels, digit, own in zip(known.data, known.target, ink, strict=True):
        row = {f"pixel {at}": f"{value:g}" for at, value in enumerate(pixels)}
        rows.append({**row, "digit": f"digit {digit}", "stroke": "bold" if own > usual[digit] else "thin"})
    request = {"domain": "stroke", "target_domain": "bold", "modality": "tabular", "ensemble": 1}
    return _with_test_rows(rows, folder / "digits.csv", {"target": "digit", **request})


def _esol(data: Path, folder: Path) -> dict[str, Any]:
    """Write ESOL with the family of each molecule, and return the request."""
    from rdkit import Chem

    rows = read_rows(data / "esol.csv")
    for row in rows:
        molecule = Chem.MolFromSmiles(row["smiles"])  # must live while its rings are looked at
        row["family"] = "with rings" if molecule.GetRingInfo().NumRings() else "without rings"
    return {
        "data": _written(rows, folder / "esol.csv"),
        "target": "logSolubility",
        "unit": "log10(mol/L)",
        "domain": "family",
        "target_domain": "with rings",
        "split": {"kind": "column", "column": "split"},
    }


def _tecator(data: Path, folder: Path) -> dict[str, Any]:
    """Write Tecator with the level of each spectrum, and return the request."""
    rows = read_rows(data / "tecator_nir.csv")
    middle = median(float(row[LEVEL]) for row in rows)
    for row in rows:
        row["level"] = "high" if float(row[LEVEL]) >= middle else "low"
        del row["split"]
    request = {"target": "fat_percent", "unit": "%", "domain": "level", "target_domain": "high"}
    return _with_test_rows(rows, folder / "tecator.csv", request)


SHIFTS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "digits": _digits,
    "tecator": _tecator,
    "esol": _esol,
}


def _with_test_rows(rows: list[dict[str, str]], path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Write rows with a column that says which of the target measure, and return the request."""
    asked = {"data": _written(rows, path)} | {
        name: request[name] for name in request.keys() & DataOptions.model_fields.keys()
    }
    both = DomainOptions(domain=request["domain"], target_domain=request["target_domain"])
    prepared = prepare_domains(DataOptions(**asked, seed=CHOOSING), both, Workspace(path.parent / "choosing")).prepared
    test = set(prepared.rows[prepared.split["test"]].tolist())
    named = [{**row, "part": "test" if at in test else "train"} for at, row in enumerate(rows, start=1)]
    return {"data": _written(named, path), **request, "split": {"kind": "column", "column": "part"}}


def _written(rows: Sequence[dict[str, str]], target: Path) -> str:
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(target)


def one(request: dict[str, Any], seed: int, workspace: Workspace) -> dict[str, Any]:
    """Adapt by DANN and CORAL, and return what each way of training reaches."""
    asked = {"methods": ["dann", "coral"], "seed": seed, "export": []}
    done = scitrain.AdaptDomain(**request, **asked).run(workspace=workspace)
    told = Run.open(done.run_id, workspace).read_json("results/adaptation.json")
    print("\n".join(done.sentences), flush=True)
    kept = (
        "name",
        "test",
        "low",
        "high",
        "gain",
        "gain_low",
        "gain_high",
        "source_test",
        "validation",
        "proxy_a_distance",
    )
    arms = [{name: _rounded(row[name]) for name in kept} for row in told["arms"]]
    named = {name: told[name] for name in ("kept", "why", "outcome", "n", "rows", "weights")}
    return {"seed": seed, "metric": told["metric"], "unit": told["unit"], **named, "arms": arms}


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _summary(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return metric and gain of each way over the seeds, and whether the goal is reached with every one."""
    names = [arm["name"] for arm in each[0]["arms"]]
    values = {
        name: {
            key: spread([arm[key] for found in each for arm in found["arms"] if arm["name"] == name])
            for key in ("test", "gain")
            if key == "test" or name != "source-only"
        }
        for name in names
    }
    return {
        "metric": each[0]["metric"],
        "unit": each[0]["unit"],
        "test": values,
        "reached": all(found["outcome"] == "beats" for found in each),
        "outcomes": [found["outcome"] for found in each],
        "of_each_seed": list(each),
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/adaptation.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(argv)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    seeds = SEEDS[:1] if given.quick else SEEDS
    quick = " --quick" if given.quick else ""
    name = "adaptation_quick" if given.quick else "adaptation"
    figures: dict[str, Any] = {}
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        for shift, write in SHIFTS.items():
            request = write(data, Path(folder))
            figures[shift] = _summary([one(request, seed, workspace) for seed in seeds])
            report = _machine.keep(name, f"python -m benchmarks.adaptation --data FOLDER{quick}", machine, figures)
    return report


if __name__ == "__main__":
    main()
