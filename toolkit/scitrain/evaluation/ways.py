"""Ways to say how sure a model is, side by side: each calibrated on the same validation rows, measured on the same test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy.special import ndtr

from scitrain.evaluation.bootstrap import Interval, Replicates, holm
from scitrain.evaluation.calibration import CoveragePoint, ReliabilityPoint
from scitrain.evaluation.metrics import CLIP, METRICS, Array
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.report import calibrated
from scitrain.evaluation.rows import MetricRow, named_targets, row
from scitrain.evaluation.scoring import score_by
from scitrain.evaluation.trust import calibration_curves, kind_rows, means, row_values
from scitrain.spec import Spec

__all__ = [
    "Difference",
    "Sparsification",
    "Way",
    "WayReport",
    "Ways",
    "brier",
    "compare_ways",
    "crps",
    "doubt_of_classes",
]

FOLDS = 5
"""Parts of the validation rows of which each is judged by a calibration on the others."""
SHARES = tuple(i / 20 for i in range(19))
"""Shares of rows set aside along a sparsification curve."""
DECIDING = {"regression": "interval_score"}
"""By task; log loss of classes."""
KINDS: dict[str, tuple[str, str, bool | None]] = {
    "interval_score": ("interval_score", "interval score", False),
    "coverage": ("coverage", "coverage", None),
    "interval_width": ("interval_width", "mean width", False),
    "crps": ("crps", "CRPS", False),
    "log_loss": ("log_loss", "log loss", False),
    "brier": ("brier", "Brier score", False),
    "set_size": ("set_size", "mean size of sets", False),
}


@dataclass(frozen=True)
class Way:
    """Predictions of one way."""

    name: str
    title: str
    how: str
    """What is done, in a sentence."""
    val: Predicted
    test: Predicted
    used: bool = False
    """It is the model's own way."""
    doubts: Mapping[str, Array] = field(default_factory=dict)
    """By what it is called, (n, targets): how unsure each test row is; none where a way says the same of all."""


class Difference(Spec):
    """Of the deciding number, this way minus the model's own; negative is better."""

    target: str | None
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    """Two-sided, paired bootstrap, corrected by Holm for the number of ways."""


class Sparsification(Spec):
    """Error of the test rows that are left when the most doubtful are set aside; falls where doubt tells of error."""

    target: str
    by: str
    """What is called doubt: spread, entropy or mutual information."""
    error: str
    """RMSE, or error rate, the share of wrong classes."""
    removed: tuple[float, ...]
    """Shares of rows set aside."""
    left: tuple[float, ...]
    """Error of the others."""
    best: tuple[float, ...]
    """The same, had the rows of largest error been set aside."""
    gap: float | None
    """Mean distance between the two curves, in errors of all rows (AUSE; Ilg 2018, arXiv:1802.07095)."""


class WayReport(Spec):
    """What one way came to."""

    name: str
    title: str
    how: str
    used: bool
    metrics: tuple[MetricRow, ...]
    """Of the test split; then the deciding one of validation, each fifth calibrated by the others."""
    differences: tuple[Difference, ...]
    """Empty for the model's own way."""
    coverage_curve: tuple[tuple[CoveragePoint, ...], ...]
    """By target, regression only."""
    reliability: tuple[tuple[ReliabilityPoint, ...], ...]
    """By target, classes only."""
    sparsification: tuple[Sparsification, ...]

    def row(self, name: str, split: str = "test") -> MetricRow:
        """Return a metric of the only target, or of the mean over several, or of the first."""
        found = [row for row in self.metrics if row.name == name and row.split == split]
        return next((row for row in found if row.target is None and row.value is not None), found[0])


class Ways(Spec):
    """The ways side by side; content of ``results/uncertainty.json``."""

    deciding: str
    """Name of the number that decides."""
    coverage: float
    """Asked share of rows whose interval or set holds the truth."""
    n: int
    """Test rows."""
    n_validation: int
    ways: tuple[WayReport, ...]
    notes: tuple[str, ...] = ()
    """Ways that this model lacks, and why."""


def crps(y: np.ndarray, prediction: np.ndarray, deviation: np.ndarray) -> Array:
    """Return the continuous ranked probability score of N(ŷ, σ²), in the target's unit; NaN where y is.

    σ [z (2Φ(z) − 1) + 2φ(z) − 1/√π], z = (y − ŷ)/σ (Gneiting & Raftery 2007, doi:10.1198/016214506000001437).
    """
    sigma = np.asarray(deviation, dtype=float)
    z = (y - prediction) / sigma
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


def brier(y: np.ndarray, p: np.ndarray) -> Array:
    """Return Σₖ (pₖ − [y = k])² of each row (n,), from class indices (n,) and probabilities (n, classes); 0 to 2."""
    hit = y[:, None] == np.arange(p.shape[1])
    return np.asarray(((p - hit) ** 2).sum(axis=1))


def doubt_of_classes(p: np.ndarray) -> tuple[Array, Array]:
    """Return the entropy of the mean over samples and the mutual information, both (n, …) in nats, of (samples, n, …, classes).

    H[p̄] − mean H[p]: what is left when the noise that every sample sees is taken off (Gal 2017, arXiv:1703.02910).
    """
    whole = _entropy(p.mean(axis=0))
    return whole, np.maximum(whole - _entropy(p).mean(axis=0), 0.0)


def _entropy(p: Array) -> Array:
    return np.asarray(-(p * np.log(np.clip(p, CLIP, 1.0))).sum(axis=-1))


def compare_ways(problem: Problem, ways: Sequence[Way], notes: Sequence[str] = ()) -> Ways:
    """Calibrate each way on its validation rows and measure it on test rows; exactly one of them is the model's own."""
    deciding = DECIDING.get(problem.task, "log_loss")
    values = [_values(problem, way) for way in ways]
    found = [means(one[deciding], problem) for one in values]
    own = next(i for i, way in enumerate(ways) if way.used)
    apart = [[] if i == own else _differences(problem, one, found[own]) for i, one in enumerate(found)]
    reports = [_report(problem, way, values[i], deciding) for i, way in enumerate(ways)]
    settled = [one.model_copy(update={"differences": d}) for one, d in zip(reports, _corrected(apart), strict=True)]
    sizes = {"n": len(ways[own].test.y), "n_validation": len(ways[own].val.y)}
    return Ways(deciding=deciding, coverage=problem.coverage, ways=tuple(settled), notes=tuple(notes), **sizes)


def _report(problem: Problem, way: Way, values: dict[str, Array], deciding: str) -> WayReport:
    rows = [found for name, one in values.items() for found in kind_rows(problem, KINDS[name], one)]
    if problem.task != "regression":
        rows += _ece(problem, way.test)
    validation = [
        r.model_copy(update={"split": "val"})
        for r in kind_rows(problem, KINDS[deciding], _crossed(problem, way, deciding))
    ]
    curves = calibration_curves(problem, way.test, way.val, calibrated(problem, way.val))
    return WayReport(
        name=way.name,
        title=way.title,
        how=way.how,
        used=way.used,
        metrics=(*rows, *validation),
        differences=(),
        coverage_curve=tuple(curve.conformal for curve in curves if curve.conformal),
        reliability=tuple(curve.reliability for curve in curves if curve.reliability),
        sparsification=_sparsified(problem, way),
    )


def _values(problem: Problem, way: Way) -> dict[str, Array]:
    """Return by row and target (n, targets) each number whose mean is compared."""
    found = row_values(problem, way.test, calibrated(problem, way.val))
    if problem.task == "regression":
        return {name: found[name] for name in ("interval_score", "coverage", "interval_width")} | {
            "crps": crps(way.test.y, way.test.prediction, _deviation(way.val, way.test))
        }
    return {name: _of_classes(problem, way.test, name) for name in ("log_loss", "brier")} | found


def _of_classes(problem: Problem, told: Predicted, name: str) -> Array:
    """Return log loss or Brier score of each row and target (n, targets); NaN where a label is missing."""
    y = np.asarray(told.y, dtype=float).reshape(len(told.y), -1)
    several = problem.task == "multiclass"
    columns = []
    for i in range(y.shape[1]):
        p = told.prediction if several else np.stack([1 - told.prediction[:, i], told.prediction[:, i]], axis=1)
        true = np.nan_to_num(y[:, i]).astype(int)
        of_true = np.clip(p[np.arange(len(p)), true], CLIP, 1.0)
        found = -np.log(of_true) if name == "log_loss" else brier(true, p)
        columns.append(np.where(np.isfinite(y[:, i]), found, np.nan))
    return np.stack(columns, axis=1)


def _deviation(val: Predicted, test: Predicted) -> Array:
    """Return σ (n, targets) of the test rows: the spread, or 1, times what makes it right on validation rows."""
    known = np.isfinite(val.y)
    scale, mine = (np.ones_like(s.prediction) if s.spread is None else np.asarray(s.spread) for s in (val, test))
    least = np.quantile(scale, val.floor, axis=0)
    scale, mine = (np.maximum(np.maximum(s, least), np.finfo(np.float32).tiny) for s in (scale, mine))
    squares = np.where(known, (np.nan_to_num(val.y) - val.prediction) / scale, 0.0) ** 2
    factor = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    return np.asarray(np.where(factor > 0, factor, 1.0) * mine)


def _crossed(problem: Problem, way: Way, deciding: str) -> Array:
    """Return the deciding number of validation rows (n, targets), each fifth of them calibrated on the others."""
    if problem.task != "regression":
        return _of_classes(problem, way.val, deciding)
    fold = np.arange(len(way.val.y)) % FOLDS
    found = np.full(way.val.y.shape, np.nan)
    for k in range(FOLDS):
        if (fold == k).any():
            conformal = calibrated(problem, _part(way.val, fold != k))
            found[fold == k] = row_values(problem, _part(way.val, fold == k), conformal)[deciding]
    return found


def _part(told: Predicted, rows: np.ndarray) -> Predicted:
    spread, ends = (None if part is None else part[rows] for part in (told.spread, told.ends))
    return Predicted(told.y[rows], told.prediction[rows], spread, ends=ends, floor=told.floor)


def _ece(problem: Problem, told: Predicted) -> list[MetricRow]:
    metric = METRICS["ece"]
    scores = score_by(metric, problem.task, told.y, told.prediction, problem.resamples)
    rows = [*scores.targets(metric), *([scores.mean(metric)] if len(scores.columns) > 1 else [])]
    kind = (metric.name, metric.title, metric.higher_is_better)
    named = zip(named_targets(problem, scores), rows, strict=True)
    return [row(problem, kind, (target, n, "test", ""), found) for (target, n), found in named]


def _differences(problem: Problem, way: Replicates, own: Replicates) -> list[Difference]:
    apart = way - own
    columns = [(target.name, apart.take(slice(i, i + 1))) for i, target in enumerate(problem.targets)]
    if len(columns) > 1 and (problem.task != "regression" or problem.one_unit):
        columns.append((None, apart.mean()))  # type: ignore[arg-type]  # no name: the mean
    return [_difference(name, found.intervals(problem.level)[0], found.p_value()) for name, found in columns]


def _difference(target: str | None, span: Interval, p: float | None) -> Difference:
    return Difference(target=target, value=span.value, low=span.low, high=span.high, p=p)


def _corrected(by_way: Sequence[Sequence[Difference]]) -> list[tuple[Difference, ...]]:
    """Correct the p-values of each target for the number of ways that are compared with the model's own."""
    found = [list(one) for one in by_way]
    for at in range(max(map(len, found))):
        ways = [i for i, one in enumerate(found) if one and one[at].p is not None]
        for i, p in zip(ways, holm([float(found[i][at].p or 0) for i in ways]), strict=True):
            found[i][at] = found[i][at].model_copy(update={"p": p})
    return [tuple(one) for one in found]


def _sparsified(problem: Problem, way: Way) -> tuple[Sparsification, ...]:
    y = np.asarray(way.test.y, dtype=float).reshape(len(way.test.y), -1)
    found = []
    for (i, target), (by, doubt) in product(enumerate(problem.targets), way.doubts.items()):
        known = np.isfinite(y[:, i])
        if known.sum() > 1:
            error = _errors(problem, way.test, y[:, i], i)[known]
            found.append(_curve((target.name, by), error, doubt[known, i], problem.task == "regression"))
    return tuple(found)


def _errors(problem: Problem, told: Predicted, y: Array, i: int) -> Array:
    """Return the squared error, or 1 for a wrong class, of each row (n,)."""
    if problem.task == "regression":
        return np.asarray((told.prediction[:, i] - y) ** 2)
    said = told.prediction.argmax(axis=1) if problem.task == "multiclass" else told.prediction[:, i] > 0.5
    return np.asarray(said != y, dtype=float)


def _curve(named: tuple[str, str], error: Array, doubt: Array, root: bool) -> Sparsification:
    left, best = (_left(error[np.argsort(-by, kind="stable")], root) for by in (doubt, error))
    gap = float((left - best).mean() / left[0]) if left[0] > 0 else None
    return Sparsification(
        target=named[0],
        by=named[1],
        error="RMSE" if root else "error rate",
        removed=SHARES,
        left=tuple(left.tolist()),
        best=tuple(best.tolist()),
        gap=gap,
    )


def _left(error: Array, root: bool) -> Array:
    """Return the mean error of the rows behind the first share of them, for each of `SHARES`."""
    kept = [error[min(int(share * len(error)), len(error) - 1) :].mean() for share in SHARES]
    return np.sqrt(kept) if root else np.array(kept)
