"""Do probabilities and spreads mean what they say: temperature scaling, reliability and coverage curves."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, ndtri, softmax

from scitrain.data.options import Task
from scitrain.data.slots import Slot, own_labels
from scitrain.evaluation.bootstrap import wilson
from scitrain.evaluation.metrics import ECE_BINS, Array, equal_mass_bins
from scitrain.evaluation.scoring import Column, What
from scitrain.spec import Spec

__all__ = [
    "LEVELS",
    "CoveragePoint",
    "ReliabilityPoint",
    "Temperature",
    "fit_temperature",
    "gaussian_coverage",
    "reliability",
]

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Nominal levels of a coverage curve."""
FEWEST_ROWS = 10
"""Labelled rows below which a temperature stays 1."""
HOTTEST = np.log(20.0)


class Temperature(Spec):
    """Divisors of the logits: p = σ(z / T), or softmax(z / T) (Guo 2017, arXiv:1706.04599); the ranking stays."""

    task: Task
    values: tuple[float, ...]
    """One per target; one in all for ``multiclass``."""
    loss_before: tuple[float | None, ...]
    """Log loss of the validation rows with T = 1, in nats."""
    loss_after: tuple[float | None, ...]
    """The same with the temperature."""
    reasons: tuple[str | None, ...]
    """Why a temperature was left at 1."""

    def probabilities(self, logits: np.ndarray) -> Array:
        """Turn logits into calibrated probabilities of the same shape, (n, targets) or (n, classes)."""
        cooled = np.asarray(logits, dtype=float) / np.asarray(self.values)
        found: Array = softmax(cooled, axis=1) if self.task == "multiclass" else expit(cooled)
        return found


def fit_temperature(task: What, y: np.ndarray, logits: np.ndarray) -> Temperature:
    """Find the temperatures that minimise the log loss of validation rows.

    Args:
        task: ``binary``, ``multilabel`` or ``multiclass``, or where mixed targets lie: numbers keep 1.
        y: (n, targets) of 0, 1 and NaN, or (n,) class indices.
        logits: (n, targets) or (n, classes), or these side by side.
    """
    if not isinstance(task, str):
        return _fit_mixed(task, y, logits)
    z = np.asarray(logits, dtype=float)
    if task == "multiclass":
        fits = [_fit(np.asarray(y, dtype=int), z)]
    else:
        fits = [_fit_binary(np.asarray(y, dtype=float)[:, i], z[:, i]) for i in range(z.shape[1])]
    values, before, after, reasons = zip(*fits, strict=True)
    return Temperature(task=task, values=values, loss_before=before, loss_after=after, reasons=reasons)


Fit = tuple[float, float | None, float | None, str | None]
NUMBER: Fit = (1.0, None, None, None)


def _fit_mixed(slots: tuple[Slot, ...], y: np.ndarray, logits: np.ndarray) -> Temperature:
    fits = []
    for i, slot in enumerate(slots):
        own, z = own_labels(slot, y, i), np.asarray(logits, dtype=float)[:, slot.start : slot.end]
        if slot.task == "multiclass":
            known = own >= 0
            fits.append(_fit(own[known].astype(int), z[known]))
        else:
            fits.append(_fit_binary(own[:, 0], z[:, 0]) if slot.task == "binary" else NUMBER)
    values, before, after, reasons = zip(*fits, strict=True)
    return Temperature(task="mixed", values=values, loss_before=before, loss_after=after, reasons=reasons)


def _fit_binary(y: Array, z: Array) -> Fit:
    labelled = ~np.isnan(y)
    # softmax of (0, z) is the logistic function of z
    return _fit(y[labelled].astype(int), np.stack([np.zeros(int(labelled.sum())), z[labelled]], axis=1))


def _fit(y: np.ndarray, z: Array) -> Fit:
    if len(y) < FEWEST_ROWS:
        return 1.0, None, None, f"{len(y)} labelled validation rows, at least {FEWEST_ROWS} are needed"
    before = _loss(0.0, y, z)
    if np.ptp(y) == 0:
        return 1.0, before, before, "all validation rows are of one class"
    found = minimize_scalar(_loss, bounds=(-HOTTEST, HOTTEST), args=(y, z), method="bounded", options={"xatol": 1e-5})
    if found.fun >= before:
        return 1.0, before, before, None
    return float(np.exp(found.x)), before, float(found.fun), None


def _loss(log_temperature: float, y: np.ndarray, z: Array) -> float:
    cooled = z * np.exp(-log_temperature)
    if z.shape[1] == 2:
        return float(-log_expit((cooled[:, 1] - cooled[:, 0]) * (2 * y - 1)).mean())
    return float(-log_softmax(cooled, axis=1)[np.arange(len(y)), y].mean())


class ReliabilityPoint(Spec):
    """One bin of a reliability curve."""

    confidence: float
    """Mean predicted probability."""
    frequency: float
    """Share of rows where it came true."""
    low: float
    """Lower end of Wilson's interval of the frequency."""
    high: float
    """Upper end."""
    n: int
    """Rows in the bin."""


def reliability(column: Column, bins: int = ECE_BINS, level: float = 0.95) -> tuple[ReliabilityPoint, ...]:
    """Return the reliability curve behind the ECE: the same bins, the same confidence and outcome."""
    if not len(column.y):
        return ()
    p = column.prediction
    two = p.shape[1] == 2
    confidence = p[:, 1] if two else p.max(axis=1)
    hit = column.y == 1 if two else p.argmax(axis=1) == column.y
    bin_of = equal_mass_bins(confidence, bins)
    return tuple(_point(confidence[bin_of == b], hit[bin_of == b], level) for b in range(bin_of.max() + 1))


def _point(confidence: Array, hit: np.ndarray, level: float) -> ReliabilityPoint:
    frequency = float(hit.mean())
    low, high = wilson(frequency, len(hit), level)
    return ReliabilityPoint(confidence=float(confidence.mean()), frequency=frequency, low=low, high=high, n=len(hit))


class CoveragePoint(Spec):
    """Share of test rows inside intervals of a nominal level."""

    nominal: float
    observed: float | None
    """None where no interval of that level can be made."""


def gaussian_coverage(column: Column, spread: Array, levels: Sequence[float] = LEVELS) -> tuple[CoveragePoint, ...]:
    """Return the coverage of ŷ ± z σ with the raw ``spread`` σ (n,) taken as a Gaussian's, before any calibration."""
    sigma = spread[column.rows]
    if not len(column.y) or not sigma.any():
        return ()
    apart = np.abs(column.y - column.prediction)
    return tuple(CoveragePoint(nominal=q, observed=float((apart <= ndtri((1 + q) / 2) * sigma).mean())) for q in levels)
