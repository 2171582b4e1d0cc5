"""Read what the figures need from the artifacts of a run."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.evaluation.report import Evaluation
from scitrain.figures.panels import ClassTarget, NumericTarget
from scitrain.figures.words import with_interval
from scitrain.runs import Run

__all__ = ["Artifacts", "read_artifacts"]

METRICS = "results/metrics.json"
PREDICTIONS = "results/predictions.csv"


@dataclass(frozen=True)
class Artifacts:
    """Evaluation and test predictions of a run."""

    task: Task
    targets: tuple[Target, ...]
    evaluation: Evaluation
    coverage: float | None
    cells: Mapping[str, list[str]]
    """Columns of ``predictions.csv`` as text; none where there is no such file."""

    def told(self, metric: str, target: str, titled: bool = True) -> str:
        """Return a metric of a target in words, such as ``RMSE 0.61 [0.55, 0.68] eV``; empty where it has no value."""
        rows = [r for r in self.evaluation.metrics if (r.name, r.target, r.split) == (metric, target, "test")]
        if not rows or rows[0].value is None:
            return ""
        said = with_interval(rows[0], rows[0].unit)
        return f"{rows[0].title} {said}" if titled else said

    def numeric(self) -> list[NumericTarget]:
        """Return the targets that are numbers and have labelled test rows."""
        found = [self._numeric(t) for t in self.targets if t.classes is None and t.name in self.cells]
        return [target for target in found if len(target.y)]

    def classed(self) -> list[ClassTarget]:
        """Return the targets that are classes and have labelled test rows."""
        found = [self._classed(t) for t in self.targets if t.classes is not None and t.name in self.cells]
        return [target for target in found if len(target.y)]

    def _numeric(self, target: Target) -> NumericTarget:
        name = target.name
        y, prediction = self._floats(name), self._floats(f"{name}_predicted")
        low, high = self._floats(f"{name}_low"), self._floats(f"{name}_high")
        kept = np.isfinite(y) & np.isfinite(prediction)
        inside = self._inside()
        return NumericTarget(
            name=name,
            unit=target.unit,
            y=y[kept],
            prediction=prediction[kept],
            low=low[kept] if np.isfinite(low).any() else None,
            high=high[kept] if np.isfinite(high).any() else None,
            inside=None if inside is None else inside[kept],
            score=self.told("rmse", name),
            coverage=self.coverage,
        )

    def _classed(self, target: Target) -> ClassTarget:
        classes = target.classes or ()
        number = {label: k for k, label in enumerate(classes)}
        y = np.array([number.get(label, -1) for label in self.cells[target.name]])
        p = np.stack([self._floats(f"{target.name}_probability_{label}") for label in classes], axis=1)
        if len(classes) == 2:
            p = _both(p)
        kept = (y >= 0) & np.isfinite(p).all(axis=1)
        return ClassTarget(
            name=target.name,
            classes=classes,
            y=y[kept],
            probabilities=p[kept],
            score=self.told("balanced_accuracy", target.name),
            auroc=self.told("auroc", target.name, titled=False),
            auprc=self.told("auprc", target.name, titled=False),
        )

    def _floats(self, column: str) -> np.ndarray:
        """Return a column as numbers, (n,), NaN where a cell is empty or the column is not there."""
        n = len(next(iter(self.cells.values()), []))
        return np.array([_float(cell) for cell in self.cells.get(column, [""] * n)])

    def _inside(self) -> np.ndarray | None:
        cells = self.cells.get("in_domain")
        return None if cells is None or not any(cells) else np.array([cell.lower() != "false" for cell in cells])


def _float(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _both(p: np.ndarray) -> np.ndarray:
    """Fill in the probability of the class that the file leaves out, (n, 2)."""
    return np.where(np.isfinite(p), p, 1 - p[:, ::-1])


def read_artifacts(run: Run) -> Artifacts:
    """Read ``metrics.json`` and, where there is one, ``predictions.csv``.

    Raises:
        RunStateError: The run has no ``metrics.json``.
    """
    found = run.read_json(METRICS)
    known = {name: found[name] for name in Evaluation.model_fields if name in found}
    return Artifacts(
        task=found["task"],
        targets=tuple(Target.model_validate(target) for target in found["targets"]),
        evaluation=Evaluation.model_validate(known),
        coverage=found.get("coverage"),
        cells=_cells(run),
    )


def _cells(run: Run) -> dict[str, list[str]]:
    path = run.path / PREDICTIONS
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        names = next(reader, [])
        rows = list(reader)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}
