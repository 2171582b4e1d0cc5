"""Compare two runs on the test rows they share, pair by pair."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.evaluation.bootstrap import holm
from scitrain.evaluation.metrics import METRICS, Metric
from scitrain.evaluation.scoring import Scores, score_by
from scitrain.runs import Run
from scitrain.workflow.pair import Pair

__all__ = ["Tested", "pairs", "tested_rows"]

PREDICTIONS = "results/predictions.csv"
DATA = "results/data.json"
FEWEST = 10
"""Shared rows below which resampling says nothing."""


@dataclass(frozen=True)
class Tested:
    """Test rows of a run with labels and predictions, as its table has them."""

    task: Task
    targets: tuple[Target, ...]
    fingerprint: str | None
    """Of the data; None where not recorded."""
    rows: Mapping[tuple[str, ...], int]
    """Number of the row in its source and its labels, as text, to the index here."""
    y: np.ndarray
    """(n, targets), or (n,) class indices for ``multiclass``."""
    prediction: np.ndarray
    """(n, targets), or (n, classes) for ``multiclass``."""


def tested_rows(run: Run, task: Task, targets: Sequence[Target]) -> Tested | None:
    """Read the test rows of a run; None where it wrote none, or its table is of another form."""
    table = run.path / PREDICTIONS
    if not table.is_file():
        return None
    fingerprint = run.read_json(DATA).get("fingerprint") if (run.path / DATA).is_file() else None
    content = _read(table, task, targets)
    if content is None:
        return None
    keys, y, prediction = content
    rows = {key: at for at, key in enumerate(keys) if np.isfinite(prediction[at]).all()}
    return Tested(task, tuple(targets), None if fingerprint is None else str(fingerprint), rows, y, prediction)


def pairs(
    best: str, tested: Mapping[str, Tested | None], metric: str, target: str | None, resamples: int = 2000
) -> list[Pair]:
    """Compare the run ``best`` with every other on the rows they share.

    Args:
        best: Id of a run.
        tested: Rows of each run by its id.
        metric: Name of the metric that decides.
        target: Of several targets the one that is judged; None is the only one, or their mean.
        resamples: Bootstrap resamples; the same rows are drawn for both runs.
    """
    found = [
        _pair((best, other), (tested[best], tested[other]), METRICS.get(metric), target, resamples)
        for other in tested
        if other != best
    ]
    corrected = iter(holm([pair.p for pair in found if pair.p is not None]))
    return [pair if pair.p is None else pair.model_copy(update={"p": next(corrected)}) for pair in found]


def _pair(
    names: tuple[str, str],
    tested: tuple[Tested | None, Tested | None],
    metric: Metric | None,
    target: str | None,
    resamples: int,
) -> Pair:
    pair = Pair(best=names[0], other=names[1], n=0)
    one, two = tested
    unfit = _unfit(one, two, metric)
    if unfit or one is None or two is None or metric is None:
        return pair.model_copy(update={"reason": unfit})
    shared = [key for key in one.rows if key in two.rows]
    if len(shared) < FEWEST:
        why = f"{len(shared)} shared test rows, at least {FEWEST} are needed; train both with one split and seed"
        return pair.model_copy(update={"n": len(shared), "reason": why})
    first, second = (_scored(metric, t, shared, resamples) for t in (one, two))
    at = None if target is None else [t.name for t in one.targets].index(target)
    apart = first.apart(metric, second, at)
    span = apart.intervals(first.level)[0]
    sign = 1 if metric.higher_is_better else -1
    ends = (None, None) if span.low is None or span.high is None else sorted((sign * span.low, sign * span.high))
    return Pair(
        best=names[0],
        other=names[1],
        n=len(shared),
        improvement=None if span.value is None else sign * span.value,
        low=ends[0],
        high=ends[1],
        p=apart.p_value(),
        reason=span.reason,
    )


def _scored(metric: Metric, tested: Tested, shared: Sequence[tuple[str, ...]], resamples: int) -> Scores:
    rows = [tested.rows[key] for key in shared]
    return score_by(metric, tested.task, tested.y[rows], tested.prediction[rows], resamples)


def _unfit(one: Tested | None, two: Tested | None, metric: Metric | None) -> str | None:
    """Say why two runs cannot be paired, or None."""
    if metric is None:
        return "the deciding metric is not measured row by row"
    if one is None or two is None:
        return "a run has no results/predictions.csv with labels"
    if (one.task, [(t.name, t.classes) for t in one.targets]) != (two.task, [(t.name, t.classes) for t in two.targets]):
        return "the runs differ in task, targets or classes"
    if one.fingerprint and two.fingerprint and one.fingerprint != two.fingerprint:
        return "the runs were trained on different data"
    return None


def _read(
    table: Path, task: Task, targets: Sequence[Target]
) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray] | None:
    """Return the key of each row, labels and predictions."""
    with table.open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    labels = [target.name for target in targets]
    said = [name for target in targets for name in _predicted(task, target)]
    if not cells or not {"row", *labels, *said} <= set(cells[0]):
        return None
    keys = [(row["row"], *(row[name] for name in labels)) for row in cells]
    y = np.array([[_label(row[target.name], target) for target in targets] for row in cells])
    prediction = np.array([[_number(row[name]) for name in said] for row in cells])
    return keys, (y[:, 0] if task == "multiclass" else y), prediction


def _predicted(task: Task, target: Target) -> list[str]:
    """Return the columns of the table that hold the prediction of a target."""
    if task == "regression":
        return [f"{target.name}_predicted"]
    classes = target.classes or ()
    return [f"{target.name}_probability_{label}" for label in (classes if task == "multiclass" else classes[1:])]


def _label(cell: str, target: Target) -> float:
    if target.classes is None:
        return _number(cell)
    return float(target.classes.index(cell)) if cell in target.classes else float("nan")


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")
