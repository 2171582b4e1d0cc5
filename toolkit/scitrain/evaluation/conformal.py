"""Intervals and sets that hold the truth as often as asked, by split conformal prediction.

Calibrated on validation rows. The guarantee P(truth inside) ≥ coverage holds for rows exchangeable with those; a test
split by scaffold or time is not, early stopping has seen the validation rows too: hence the coverage measured on the
test split is always reported beside the asked one.

Applying needs numpy alone (each ``apply`` is three lines), and the objects
round-trip through ``model_dump(mode="json")``, so that an exported bundle can carry them.
"""

from collections.abc import Sequence
from math import ceil
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from scitrain.data.options import Task
from scitrain.data.slots import Slot
from scitrain.errors import DataError
from scitrain.evaluation.metrics import Array
from scitrain.evaluation.scoring import Column, columns
from scitrain.spec import Spec

__all__ = [
    "LEARNED",
    "MEDIAN",
    "Conformal",
    "ConformalIntervals",
    "ConformalMixed",
    "ConformalQuantiles",
    "ConformalRegression",
    "ConformalSets",
    "HowSure",
    "conformal_quantile",
    "fewest_rows",
    "fit_conformal",
    "fit_quantiles",
    "how_sure",
    "interval_score",
]


def conformal_quantile(scores: Array, coverage: float) -> float | None:
    """Return the ⌈(n + 1) coverage⌉-th smallest of n scores, or None where n is too small for the coverage."""
    rank = ceil((len(scores) + 1) * coverage - 1e-9)  # 0.7 · 10 must not become 8 by rounding
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else None


def fewest_rows(coverage: float) -> int:
    """Return the smallest n with ⌈(n + 1) coverage⌉ ≤ n."""
    return ceil(coverage / (1 - coverage) - 1e-9)


def _too_few(n: int, coverage: float, what: str = "labelled validation rows") -> str:
    return f"{n} {what}, a coverage of {coverage:g} needs at least {fewest_rows(coverage)}"


class ConformalRegression(Spec):
    """Intervals ŷ ± q · max(σ, floor); q is the conformal quantile of |y − ŷ| / max(σ, floor).

    After Lei 2018, doi:10.1080/01621459.2017.1307116. The floor, the median spread of the
    calibration rows, keeps a chance agreement of an ensemble from promising a tiny interval; a spread that was learned
    has a lower one. Where no model gives a spread, the scale is 1 and all intervals have one width.
    """

    kind: Literal["interval"] = "interval"
    coverage: float = Field(gt=0, lt=1)
    """Asked share of rows whose interval holds the truth."""
    quantiles: tuple[float | None, ...]
    """q by target; None where there were too few calibration rows."""
    floors: tuple[float, ...]
    """Smallest scale by target; 1 with ``scaled`` false."""
    scaled: bool
    """Whether the width follows the spread."""
    n: tuple[int, ...]
    """Calibration rows by target."""
    reasons: tuple[str | None, ...]
    """Why a target has no intervals."""

    def apply(
        self, prediction: np.ndarray, spread: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> tuple[Array, Array]:
        """Return the lower and upper ends (n, targets); NaN where a target has no interval."""
        scale = self._scale(np.asarray(prediction, dtype=float), spread)
        reach = scale * np.array([np.nan if q is None else q for q in self.quantiles])
        return np.asarray(prediction - reach), np.asarray(prediction + reach)

    def scores(
        self, y: np.ndarray, prediction: np.ndarray, spread: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> Array:
        """Return |y − ŷ| / scale, (n, targets); NaN where a label is missing."""
        found: Array = np.abs(y - prediction) / self._scale(np.asarray(prediction, dtype=float), spread)
        return found

    def _scale(self, prediction: Array, spread: np.ndarray | None) -> Array:
        if not self.scaled:
            return np.ones_like(prediction)
        if spread is None:
            raise DataError(
                "these intervals follow the model's spread; give the spread (n, targets) beside the prediction"
            )
        scale: Array = np.maximum(np.asarray(spread, dtype=float), np.array(self.floors))
        return scale


class ConformalQuantiles(Spec):
    """Intervals [a − q, b + q] about learned quantiles a and b; q is the conformal quantile of max(a − y, y − b).

    Conformalised quantile regression (Romano 2019, arXiv:1905.03222). A negative q makes intervals narrower, but never past the
    prediction.
    """

    kind: Literal["quantiles"] = "quantiles"
    coverage: float = Field(gt=0, lt=1)
    """Asked share of rows whose interval holds the truth."""
    quantiles: tuple[float | None, ...]
    """q by target, in the target's unit; None where there were too few calibration rows."""
    n: tuple[int, ...]
    """Calibration rows by target."""
    reasons: tuple[str | None, ...]
    """Why a target has no intervals."""

    def apply(
        self, prediction: np.ndarray, spread: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> tuple[Array, Array]:
        """Return the lower and upper ends (n, targets); NaN where a target has no interval."""
        low, high = _learned(ends)
        q = np.array([np.nan if q is None else q for q in self.quantiles])
        return np.asarray(np.minimum(low - q, prediction)), np.asarray(np.maximum(high + q, prediction))

    def scores(
        self, y: np.ndarray, prediction: np.ndarray, spread: np.ndarray | None = None, ends: np.ndarray | None = None
    ) -> Array:
        """Return max(a − y, y − b), (n, targets); NaN where a label is missing."""
        low, high = _learned(ends)
        return np.asarray(np.maximum(low - y, y - high))


def _learned(ends: np.ndarray | None) -> tuple[Array, Array]:
    if ends is None:
        raise DataError("these intervals move learned quantiles; give ends (n, targets, 2) beside the prediction")
    found = np.asarray(ends, dtype=float)
    return found[..., 0], found[..., 1]


class ConformalSets(Spec):
    """Sets of the classes k with 1 − pₖ ≤ qₖ, and always the most probable class.

    For two classes (each target of ``binary`` and ``multilabel``) q is learned for each class from its own rows, so
    that the coverage holds within the rare class too (Mondrian; Norinder 2014, doi:10.1021/ci5001168). For
    ``multiclass`` one q
    serves all classes and the coverage holds on average: the smallest sets (LAC; Sadinle 2019,
    doi:10.1080/01621459.2017.1395341), where single classes would have too few rows. A class with too few calibration
    rows gets q = 1 and is in every set, which keeps the guarantee.
    """

    kind: Literal["sets"] = "sets"
    task: Task
    coverage: float = Field(gt=0, lt=1)
    """Asked share of rows whose set holds the truth."""
    quantiles: tuple[tuple[float, ...], ...]
    """q by target and class; one row for ``multiclass``."""
    n: tuple[tuple[int, ...], ...]
    """Calibration rows by target and class."""
    reasons: tuple[str | None, ...]
    """By target, why a class is in every set."""

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Return which classes are in the set, bool (n, targets, classes); ``multiclass`` is one target.

        Args:
            prediction: Probabilities (n, targets) of the positive class, or (n, classes).
        """
        p = by_class(self.task, np.asarray(prediction, dtype=float))
        inside: np.ndarray = (1 - p <= np.array(self.quantiles)) | (p == p.max(axis=2, keepdims=True))
        return inside


ConformalIntervals = ConformalRegression | ConformalQuantiles
Part = Annotated[ConformalRegression | ConformalSets, Field(discriminator="kind")]


class ConformalMixed(Spec):
    """Intervals of numbers and sets of classes, each target calibrated by its own labels."""

    kind: Literal["mixed"] = "mixed"
    coverage: float = Field(gt=0, lt=1)
    """Asked share of rows whose interval or set holds the truth."""
    slots: tuple[Slot, ...]
    """Where each target lies among the predictions."""
    parts: tuple[Part, ...]
    """By target."""

    @property
    def reasons(self) -> tuple[str | None, ...]:
        """Say by target what its intervals or sets lack."""
        return tuple(
            f"{s.name}: {r}" if r else None for s, p in zip(self.slots, self.parts, strict=True) for r in p.reasons
        )

    def apply(self, prediction: np.ndarray, spread: np.ndarray | None = None) -> "HowSure":
        """Return intervals of the numbers, NaN elsewhere, and sets of the classes, empty elsewhere."""
        n, targets = len(prediction), len(self.slots)
        low, high = np.full((2, n, targets), np.nan)
        classes = max(2, *(slot.end - slot.start for slot in self.slots))
        sets = np.zeros((n, targets, classes), dtype=bool)
        for i, (slot, part) in enumerate(zip(self.slots, self.parts, strict=True)):
            at = slice(slot.start, slot.end)
            if isinstance(part, ConformalSets):
                found = part.apply(prediction[:, at])[:, 0]
                sets[:, i, : found.shape[1]] = found
            else:
                ends = part.apply(prediction[:, at], None if spread is None else spread[:, at])
                low[:, i], high[:, i] = ends[0][:, 0], ends[1][:, 0]
        return HowSure(low, high, sets)


Conformal = Annotated[
    ConformalRegression | ConformalQuantiles | ConformalSets | ConformalMixed, Field(discriminator="kind")
]


class HowSure(NamedTuple):
    """What is said beside a prediction."""

    low: np.ndarray | None
    """(n, targets) lower ends; None where all targets are classes."""
    high: np.ndarray | None
    """(n, targets) upper ends."""
    sets: np.ndarray | None
    """bool (n, targets, classes): class is in the set; None where all targets are numbers."""


def how_sure(
    conformal: Conformal, prediction: np.ndarray, spread: np.ndarray | None = None, ends: np.ndarray | None = None
) -> HowSure:
    """Return intervals or sets of predictions, whatever was calibrated."""
    if isinstance(conformal, ConformalMixed):
        return conformal.apply(prediction, spread)
    if isinstance(conformal, ConformalSets):
        return HowSure(None, None, conformal.apply(prediction))
    return HowSure(*conformal.apply(prediction, spread, ends), None)


def by_class(task: Task, prediction: Array) -> Array:
    """Return probabilities as (n, targets, classes)."""
    return prediction[:, None, :] if task == "multiclass" else np.stack([1 - prediction, prediction], axis=2)


MEDIAN, LEARNED = 0.5, 0.05
"""Quantile of the spreads below which no scale goes: of an ensemble's, of a learned one."""


def fit_conformal(
    task: Task,
    y: np.ndarray,
    prediction: np.ndarray,
    spread: np.ndarray | None = None,
    coverage: float = 0.9,
    floor: float = MEDIAN,
) -> Conformal:
    """Calibrate intervals (regression) or sets (classes) on validation rows; shapes as in `scoring.columns`.

    Args:
        task: What is predicted.
        y: Labels, NaN where missing.
        prediction: Values or probabilities.
        spread: (n, targets) of a regression; None where nothing tells how sure a row is.
        coverage: Asked share.
        floor: Quantile of the spreads that serves as the smallest.

    Raises:
        DataError: The shapes do not belong together.
    """
    if task == "regression":
        return _fit_intervals(np.asarray(y, dtype=float), np.asarray(prediction, dtype=float), spread, coverage, floor)
    fits = [
        _fit_sets(part.y, part.prediction, coverage, own=task != "multiclass") for part in columns(task, y, prediction)
    ]
    quantiles, n, reasons = zip(*fits, strict=True)
    return ConformalSets(task=task, coverage=coverage, quantiles=quantiles, n=n, reasons=reasons)


def fit_quantiles(y: np.ndarray, prediction: np.ndarray, ends: np.ndarray, coverage: float = 0.9) -> ConformalQuantiles:
    """Calibrate learned quantiles ``ends`` (n, targets, 2) on validation rows.

    Raises:
        DataError: The shapes do not belong together.
    """
    parts = columns("regression", y, prediction)
    n = tuple(len(part.y) for part in parts)
    draft = ConformalQuantiles(coverage=coverage, quantiles=(None,) * len(n), n=n, reasons=_lacking(n, coverage))
    return draft.model_copy(update={"quantiles": _order(draft.scores(y, prediction, ends=ends), parts, coverage)})


def _lacking(n: Sequence[int], coverage: float) -> tuple[str | None, ...]:
    return tuple(None if k >= fewest_rows(coverage) else _too_few(k, coverage) for k in n)


def _order(scores: Array, parts: Sequence[Column], coverage: float) -> tuple[float | None, ...]:
    return tuple(conformal_quantile(scores[part.rows, i], coverage) for i, part in enumerate(parts))


def _fit_intervals(
    y: Array, prediction: Array, spread: np.ndarray | None, coverage: float, floor: float
) -> ConformalRegression:
    parts = columns("regression", y, prediction)
    floors = (
        np.ones(len(parts))
        if spread is None
        else np.array([_floor(np.asarray(spread)[p.rows, i], floor) for i, p in enumerate(parts)])
    )
    scaled = spread is not None and bool((floors > 0).all())
    counted = tuple(len(part.y) for part in parts)
    draft = ConformalRegression(
        coverage=coverage,
        quantiles=(None,) * len(parts),
        floors=tuple(floors) if scaled else (1.0,) * len(parts),
        scaled=scaled,
        n=counted,
        reasons=_lacking(counted, coverage),
    )
    return draft.model_copy(update={"quantiles": _order(draft.scores(y, prediction, spread), parts, coverage)})


def _floor(spread: Array, share: float) -> float:
    return float(np.quantile(spread, share)) if len(spread) else 1.0


def _fit_sets(y: Array, p: Array, coverage: float, own: bool) -> tuple[tuple[float, ...], tuple[int, ...], str | None]:
    classes = range(p.shape[1])
    of_true = 1 - p[np.arange(len(y)), y.astype(int)]
    n = tuple(int((y == k).sum()) for k in classes)
    groups: Sequence[Array] = [of_true[y == k] for k in classes] if own else [of_true] * len(classes)
    found = [conformal_quantile(group, coverage) for group in groups]
    lacking = [k for k in classes if found[k] is None]
    what = f"labelled validation rows of class {lacking[0] if lacking else 0}" if own else "labelled validation rows"
    reason = _too_few(len(groups[lacking[0]]), coverage, what) + "; it is in every set" if lacking else None
    return tuple(1.0 if q is None else q for q in found), n, reason


def interval_score(y: np.ndarray, low: np.ndarray, high: np.ndarray, coverage: float) -> Array:
    """Return the score of each interval: its width, plus 2/α for each unit by which it misses, α = 1 − coverage.

    The mean is smallest for the true quantiles: it weighs width against misses (Winkler; Gneiting & Raftery 2007,
    doi:10.1198/016214506000001437). Same shape as y; NaN where y or an end is NaN.
    """
    missed = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return np.asarray(high - low + 2 / (1 - coverage) * missed, dtype=float)
