"""Compare two runs on the test rows they share, pair by pair."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.slots import own_task
from scitrain.evaluation.bootstrap import Replicates, holm
from scitrain.evaluation.conformal import interval_score
from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.scoring import score_by
from scitrain.evaluation.trust import means
from scitrain.runs import Run
from scitrain.workflow.pair import Pair

__all__ = ["Tested", "interval_pairs", "pairs", "tested_rows"]

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
    ends: np.ndarray | None = None
    """(n, targets, 2) of the intervals of a regression; None where the table has none."""


Measure = Callable[[Tested, Sequence[int]], Replicates]
"""A run and its rows to the replicates of one number, the same resamples for all runs."""


def tested_rows(run: Run, task: Task, targets: Sequence[Target]) -> Tested | None:
    """Read the test rows of a run; None where it wrote none, or its table is of another form."""
    table = run.path / PREDICTIONS
    if not table.is_file():
        return None
    fingerprint = run.read_json(DATA).get("fingerprint") if (run.path / DATA).is_file() else None
    content = _read(table, task, targets)
    if content is None:
        return None
    keys, y, prediction, ends = content
    rows = {key: at for at, key in enumerate(keys) if np.isfinite(prediction[at]).all()}
    return Tested(task, tuple(targets), None if fingerprint is None else str(fingerprint), rows, y, prediction, ends)


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
    chosen = METRICS.get(metric)
    sign = 1 if chosen is None or chosen.higher_is_better else -1
    at = _column(tested[best], target)

    def measure(one: Tested, rows: Sequence[int]) -> Replicates:
        scores = score_by(
            METRICS[metric], Problem(one.task, one.targets).what, one.y[rows], one.prediction[rows], resamples
        )
        found = scores.of(METRICS[metric])
        return found.mean() if at is None else found.take(slice(at, at + 1))

    why = None if chosen else "the deciding metric is not measured row by row"
    return _corrected([_pair((best, other), tested, measure, sign, why) for other in tested if other != best])


def interval_pairs(
    best: str, tested: Mapping[str, Tested | None], coverage: float, target: str | None, resamples: int = 2000
) -> list[Pair]:
    """Compare the intervals of the run ``best`` with those of every other by their interval score; see `pairs`.

    Args:
        best: Id of a run.
        tested: Rows of each run by its id.
        coverage: That all were asked for.
        target: Of several targets the one that is judged; None is the only one, or their mean.
        resamples: Bootstrap resamples.
    """
    at = _column(tested[best], target)

    def measure(one: Tested, rows: Sequence[int]) -> Replicates:
        ends = np.full((*one.y.shape, 2), np.nan) if one.ends is None else one.ends
        scores = interval_score(one.y[rows], ends[rows, :, 0], ends[rows, :, 1], coverage)
        found = means(scores, Problem(one.task, one.targets, coverage, resamples=resamples))
        return found.mean() if at is None else found.take(slice(at, at + 1))

    return _corrected([_pair((best, other), tested, measure, -1, None) for other in tested if other != best])


def _column(one: Tested | None, target: str | None) -> int | None:
    return None if target is None or one is None else [t.name for t in one.targets].index(target)


def _corrected(found: Sequence[Pair]) -> list[Pair]:
    """Correct the p-values for their number."""
    corrected = iter(holm([pair.p for pair in found if pair.p is not None]))
    return [pair if pair.p is None else pair.model_copy(update={"p": next(corrected)}) for pair in found]


def _pair(
    names: tuple[str, str], tested: Mapping[str, Tested | None], measure: Measure, sign: int, why: str | None
) -> Pair:
    pair = Pair(best=names[0], other=names[1], n=0)
    one, two = (tested[name] for name in names)
    unfit = why or _unfit(one, two)
    if unfit or one is None or two is None:
        return pair.model_copy(update={"reason": unfit})
    shared = [key for key in one.rows if key in two.rows]
    if len(shared) < FEWEST:
        why = f"{len(shared)} shared test rows, at least {FEWEST} are needed; train both with one split and seed"
        return pair.model_copy(update={"n": len(shared), "reason": why})
    first, second = (measure(t, [t.rows[key] for key in shared]) for t in (one, two))
    apart = first - second
    span = apart.intervals()[0]
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


def _unfit(one: Tested | None, two: Tested | None) -> str | None:
    """Say why two runs cannot be paired, or None."""
    if one is None or two is None:
        return "a run has no results/predictions.csv with labels"
    if (one.task, [(t.name, t.classes) for t in one.targets]) != (two.task, [(t.name, t.classes) for t in two.targets]):
        return "the runs differ in task, targets or classes"
    if one.fingerprint and two.fingerprint and one.fingerprint != two.fingerprint:
        return "the runs were trained on different data"
    return None


def _read(
    table: Path, task: Task, targets: Sequence[Target]
) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray, np.ndarray | None] | None:
    """Return the key of each row, labels, predictions and ends of intervals."""
    with table.open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    labels = [target.name for target in targets]
    said = [name for target in targets for name in _predicted(task, target)]
    if not cells or not {"row", *labels, *said} <= set(cells[0]):
        return None
    keys = [(row["row"], *(row[name] for name in labels)) for row in cells]
    y = np.array([[_label(row[target.name], target) for target in targets] for row in cells])
    prediction = np.array([[_number(row[name]) for name in said] for row in cells])
    named = [[f"{target.name}_{end}" for end in ("low", "high")] for target in targets]
    there = all(name in cells[0] for both in named for name in both)
    ends = np.array([[[_number(row[name]) for name in both] for both in named] for row in cells]) if there else None
    return keys, (y[:, 0] if task == "multiclass" else y), prediction, ends


def _predicted(task: Task, target: Target) -> list[str]:
    """Return the columns of the table that hold the prediction of a target."""
    own = own_task(target) if task == "mixed" else task
    if own == "regression":
        return [f"{target.name}_predicted"]
    classes = target.classes or ()
    return [f"{target.name}_probability_{label}" for label in (classes if own == "multiclass" else classes[1:])]


def _label(cell: str, target: Target) -> float:
    if target.classes is None:
        return _number(cell)
    return float(target.classes.index(cell)) if cell in target.classes else float("nan")


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")
