"""chemprop 2 (Heid et al., J. Chem. Inf. Model. 64, 9 (2024), doi:10.1021/acs.jcim.3c01250) by its command line."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import _machine
from benchmarks._training import read_rows

__all__ = ["PROGRAM_VARIABLE", "Chemprop", "program", "train"]

PROGRAM_VARIABLE = "SCITRAIN_CHEMPROP"


@dataclass(frozen=True)
class Chemprop:
    """What a training of chemprop came to."""

    seconds: float
    """Start of the process to its end."""
    y: np.ndarray
    """(n,) labels of the test rows, in the file's order; (n, targets) of several, NaN where missing."""
    prediction: np.ndarray
    """Predictions, or probabilities of class 1, of the same shape."""


def program() -> Path | None:
    """Return chemprop's program, from the variable or from the environment that ``setup.sh`` makes; None without it."""
    said = os.environ.get(PROGRAM_VARIABLE)
    found = Path(said) if said else Path(__file__).with_name(".venv") / "bin" / "chemprop"
    return found if found.is_file() else None


def train(data: Path, target: str | list[str], *, epochs: int, seed: int, classes: bool = False) -> Chemprop:
    """Train with chemprop's defaults on a file with columns ``smiles``, ``target``s and ``split``, and read its test predictions.

    Raises:
        RuntimeError: chemprop is not there, or failed; with the end of what it said.
    """
    chemprop = program()
    if chemprop is None:
        raise RuntimeError(
            f"no chemprop: run benchmarks/peers/chemprop/setup.sh, or set {PROGRAM_VARIABLE} to its program"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [str(chemprop), "train", "--data-path", str(data), "--splits-column", "split"]
        names = [target] if isinstance(target, str) else target
        command += ["--smiles-columns", "smiles", "--target-columns", *names, "--epochs", str(epochs)]
        command += ["--task-type", "classification" if classes else "regression", "--accelerator", "cpu"]
        command += ["--pytorch-seed", str(seed), "--output-dir", folder]
        begin = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_machine.as_installed())
        seconds = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
        predicted = read_rows(next(Path(folder).rglob("test_predictions.csv")))
    tested = [row for row in read_rows(data) if row["split"] == "test"]
    true, said = (np.array([[_number(row[name]) for name in names] for row in rows]) for rows in (tested, predicted))
    return Chemprop(seconds, *((true[:, 0], said[:, 0]) if isinstance(target, str) else (true, said)))


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")
