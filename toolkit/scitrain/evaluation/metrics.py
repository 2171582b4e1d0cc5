"""The metrics, each one small declared object.

Every measure takes integer weights of the rows beside labels and predictions: a bootstrap resample is nothing but a
count of how often each row was drawn, so a thousand resamples are one array operation and not a thousand calls.
All measures look at one target; targets with missing labels are masked before (see `scitrain.evaluation.scoring`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from scitrain.data.options import Task

__all__ = ["CLIP", "ECE_BINS", "METRICS", "PRIMARY", "Array", "Metric", "equal_mass_bins", "metrics_for"]

Array = npt.NDArray[np.float64]
Measure = Callable[[Array, Array, Array], Array]

CLIP = 1e-7
"""Probabilities are kept this far from 0 in the log loss: float32 cannot say more, and a forest says 0 easily."""
ECE_BINS = 10
CLASSES: tuple[Task, ...] = ("binary", "multiclass", "multilabel")
NUMBERS: tuple[Task, ...] = ("regression",)
MIXED: tuple[Task, ...] = ("mixed",)


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are."""

    name: str
    title: str
    tasks: tuple[Task, ...]
    higher_is_better: bool
    measure: Measure
    """(y (n,), prediction, counts (resamples, n)) → (resamples,); NaN where it is undefined. For regression the
    prediction is (n,); for classes y holds class indices and the prediction probabilities (n, classes)."""
    power: Literal[0, 1, 2] = 0
    """Unit: 0 dimensionless, 1 the target's own, 2 its square."""
    proportion: bool = False
    """True for a share of rows: its interval for one target is Wilson's, which holds up at 0 and 1."""

    def value(self, y: Array, prediction: Array) -> float | None:
        """Return the metric of one target's rows, or None where it is undefined (see `undefined`)."""
        found = float(self.measure(y, prediction, np.ones((1, len(y))))[0]) if len(y) else float("nan")
        return found if np.isfinite(found) else None

    def unit(self, target_unit: str | None) -> str | None:
        """Return the unit of the metric: an empty string is dimensionless, None a unit that nobody stated."""
        if self.power == 0:
            return ""
        return target_unit if self.power == 1 or not target_unit else f"({target_unit})²"


def _ratio(above: Array, below: Array) -> Array:
    """Divide, with NaN where the denominator is zero."""
    ratio: Array = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
    return ratio


def _mean(rows: Array, counts: Array) -> Array:
    return _ratio(counts @ rows, counts.sum(axis=1))


def _mean_of_defined(values: Array) -> Array:
    """Average along the last axis over what is not NaN; NaN where nothing is left."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(float))


def _moments(y: Array, counts: Array) -> Array:
    """Return Σ w (y − ȳ)², exactly zero where all drawn values are equal."""
    centred = y - np.median(y)  # the median of equal values is that value, to the last bit
    squares = counts @ centred**2
    spread = squares - _ratio((counts @ centred) ** 2, counts.sum(axis=1))
    return np.where(spread <= 1e-12 * squares, 0.0, spread)


def rmse(y: Array, prediction: Array, counts: Array) -> Array:
    """RMSE = √(Σ (ŷᵢ − yᵢ)² / n)."""
    return np.sqrt(_mean((prediction - y) ** 2, counts))


def mae(y: Array, prediction: Array, counts: Array) -> Array:
    """MAE = Σ |ŷᵢ − yᵢ| / n."""
    return _mean(np.abs(prediction - y), counts)


def r2(y: Array, prediction: Array, counts: Array) -> Array:
    """R² = 1 − Σ (ŷᵢ − yᵢ)² / Σ (yᵢ − ȳ)²; undefined where the target does not vary."""
    return 1.0 - _ratio(counts @ (prediction - y) ** 2, _moments(y, counts))


def spearman(y: Array, prediction: Array, counts: Array) -> Array:
    """Pearson correlation of the ranks of y and ŷ, ties sharing their mean rank; undefined where either is constant."""
    middle = (counts.sum(axis=1, keepdims=True) + 1) / 2
    a, b = _ranks(y, counts) - middle, _ranks(prediction, counts) - middle
    together, of_a, of_b = (np.einsum("bn,bn,bn->b", counts, u, v) for u, v in ((a, b), (a, a), (b, b)))
    return _ratio(together, np.sqrt(of_a * of_b))


def _groups(values: Array, rows: Array) -> tuple[Array, npt.NDArray[np.intp]]:
    """Sum ``rows`` (resamples, n) over equal ``values``, ascending: (resamples, groups), and the group of each row."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    ordered = rows[:, order]
    return (ordered if len(starts) == len(order) else np.add.reduceat(ordered, starts, axis=1)), group


def _ranks(values: Array, counts: Array) -> Array:
    """Return the mean rank of each row in each resample, (resamples, n)."""
    drawn, group = _groups(values, counts)
    ranks: Array = (np.cumsum(drawn, axis=1) - drawn + (drawn + 1) / 2)[:, group]
    return ranks


def _tallies(y: Array, prediction: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Return by class (resamples, classes): rows named rightly, rows of the class, rows named so."""
    classes = np.arange(prediction.shape[1])
    true = (y[:, None] == classes).astype(float)
    said = (prediction.argmax(axis=1)[:, None] == classes).astype(float)
    return counts @ (true * said), counts @ true, counts @ said


def accuracy(y: Array, prediction: Array, counts: Array) -> Array:
    """Share of rows whose most probable class is the true one."""
    return _mean((prediction.argmax(axis=1) == y).astype(float), counts)


def balanced_accuracy(y: Array, prediction: Array, counts: Array) -> Array:
    """Mean over the classes that occur of the share of their rows that was recognised; undefined with one class."""
    hit, true, _ = _tallies(y, prediction, counts)
    return _where_classes(true, _mean_of_defined(_ratio(hit, true)))


def f1_macro(y: Array, prediction: Array, counts: Array) -> Array:
    """Mean over classes that occur or are predicted of F1 = 2 TP / (2 TP + FP + FN); undefined with one true class."""
    hit, true, said = _tallies(y, prediction, counts)
    return _where_classes(true, _mean_of_defined(_ratio(2 * hit, true + said)))


def mcc(y: Array, prediction: Array, counts: Array) -> Array:
    """Matthews correlation for any number of classes: (c s − Σ pₖ tₖ) / √((s² − Σ pₖ²)(s² − Σ tₖ²)).

    c rows are right, s rows in all, tₖ rows of class k, pₖ named so; 0 where one class is named for all rows (the
    limit), undefined where all rows are of one class (doi:10.1016/j.compbiolchem.2004.09.006).
    """
    hit, true, said = _tallies(y, prediction, counts)
    total = counts.sum(axis=1)
    above = hit.sum(axis=1) * total - (true * said).sum(axis=1)
    below = np.sqrt((total**2 - (said**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1)))
    return _where_classes(true, np.where(below == 0, 0.0, _ratio(above, below)))


def _where_classes(true: Array, values: Array) -> Array:
    return np.where((true > 0).sum(axis=1) >= 2, values, np.nan)


def _one_against_rest(prediction: Array) -> range:
    """Return the classes to look at: of two only the positive one, for the other says the same."""
    return range(1, 2) if prediction.shape[1] == 2 else range(prediction.shape[1])


def auroc(y: Array, prediction: Array, counts: Array) -> Array:
    """Probability that a row of the class scores above a row that is not, ties counting half.

    Mean over classes, one against the rest; a class without rows, or without others, is left out.
    """
    by_class = [_auroc((y == k).astype(float), prediction[:, k], counts) for k in _one_against_rest(prediction)]
    return _mean_of_defined(np.stack(by_class, axis=-1))


def _auroc(positive: Array, score: Array, counts: Array) -> Array:
    positives = _groups(score, counts * positive)[0]
    negatives = _groups(score, counts * (1 - positive))[0]
    below = np.cumsum(negatives, axis=1) - negatives / 2
    return _ratio(np.einsum("bg,bg->b", positives, below), positives.sum(axis=1) * negatives.sum(axis=1))


def auprc(y: Array, prediction: Array, counts: Array) -> Array:
    """Average precision Σ (Rₖ − Rₖ₋₁) Pₖ over the thresholds, from the highest; at random the share of positives.

    Mean over classes, one against the rest; a class without rows is left out, all rows of one class are undefined.
    """
    by_class = [_auprc((y == k).astype(float), prediction[:, k], counts) for k in _one_against_rest(prediction)]
    return _mean_of_defined(np.stack(by_class, axis=-1))


def _auprc(positive: Array, score: Array, counts: Array) -> Array:
    hits = _groups(-score, counts * positive)[0]
    drawn = _groups(-score, counts)[0]
    named = np.cumsum(drawn, axis=1)
    precision = np.divide(np.cumsum(hits, axis=1), named, out=np.zeros_like(named), where=named > 0)
    total = hits.sum(axis=1)
    return np.where(total == counts.sum(axis=1), np.nan, _ratio((hits * precision).sum(axis=1), total))


def log_loss(y: Array, prediction: Array, counts: Array) -> Array:
    """Mean of −ln p of the true class, in nats, p not below `CLIP`."""
    of_true = prediction[np.arange(len(y)), y.astype(int)]
    return _mean(-np.log(np.clip(of_true, CLIP, 1.0)), counts)


def equal_mass_bins(confidence: Array, bins: int = ECE_BINS) -> npt.NDArray[np.intp]:
    """Return the bin (n,) of each row: ``bins`` groups of equally many rows, equal values never parted.

    Equal mass, because trained networks crowd near 0 and 1, where bins of equal width leave most of them empty
    (Nguyen & O'Connor 2015, doi:10.18653/v1/D15-1182).
    """
    inner = np.quantile(confidence, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(np.unique(inner), confidence, side="left"), return_inverse=True)[1]


def ece(y: Array, prediction: Array, counts: Array) -> Array:
    """Expected calibration error Σ_b |Σ_{i∈b} (cᵢ − hᵢ)| / n over `ECE_BINS` bins of equal mass.

    Two classes: c is the probability of the positive class and h its presence. More: c is the highest probability and h
    whether that class is right (Guo 2017, arXiv:1706.04599).
    """
    if prediction.shape[1] == 2:
        confidence, hit = prediction[:, 1], (y == 1).astype(float)
    else:
        confidence, hit = prediction.max(axis=1), (prediction.argmax(axis=1) == y).astype(float)
    bin_of = equal_mass_bins(confidence)
    gaps = np.zeros((len(y), bin_of.max() + 1))
    gaps[np.arange(len(y)), bin_of] = confidence - hit
    return _ratio(np.abs(counts @ gaps).sum(axis=1), counts.sum(axis=1))


def skill(y: Array, prediction: Array, counts: Array) -> Array:
    """1 − squared error / squared error of the best constant: R² of numbers, the Brier skill score of classes.

    Of classes the error is Σₖ (pₖ − [y = k])² (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2), so that numbers and
    classes have one measure: 1 is perfect, 0 what the best constant says; undefined where the target does not vary.
    """
    if prediction.ndim == 1:
        return r2(y, prediction, counts)
    true = (y[:, None] == np.arange(prediction.shape[1])).astype(float)
    n, of_class = counts.sum(axis=1), counts @ true
    constant = n - _ratio((of_class**2).sum(axis=1), n)
    constant = np.where(of_class.max(axis=1) < n, constant, 0.0)  # exactly zero where one class was drawn, or none
    return 1.0 - _ratio(counts @ ((prediction - true) ** 2).sum(axis=1), constant)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("rmse", "RMSE", NUMBERS, False, rmse, power=1),
        Metric("mae", "MAE", NUMBERS, False, mae, power=1),
        Metric("r2", "R²", NUMBERS, True, r2),
        Metric("spearman", "Spearman ρ", NUMBERS, True, spearman),
        Metric("accuracy", "accuracy", CLASSES, True, accuracy, proportion=True),
        Metric("balanced_accuracy", "balanced accuracy", CLASSES, True, balanced_accuracy),
        Metric("f1_macro", "F1 (macro)", CLASSES, True, f1_macro),
        Metric("mcc", "MCC", CLASSES, True, mcc),
        Metric("auroc", "AUROC", CLASSES, True, auroc),
        Metric("auprc", "AUPRC", CLASSES, True, auprc),
        Metric("log_loss", "log loss", CLASSES, False, log_loss),
        Metric("ece", "ECE", CLASSES, False, ece),
        Metric("skill", "skill", MIXED, True, skill),
    )
}
PRIMARY: dict[Task, str] = {
    "regression": "rmse",
    "binary": "auroc",
    "multilabel": "auroc",
    "multiclass": "balanced_accuracy",
    "mixed": "skill",
}
"""The metric by which models are compared where nobody names one."""


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """Return the metrics of a task, in the order in which they are reported."""
    return tuple(metric for metric in METRICS.values() if task in metric.tasks)
