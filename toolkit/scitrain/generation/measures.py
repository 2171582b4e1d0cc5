"""One figure about a set of candidates: value, interval, rows, unit, definition, source, and the same figure of sets one knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import JsonValue

from scitrain.evaluation.bootstrap import Resampling, replicate, wilson

__all__ = ["Measure", "mean_of", "share_of", "undefined", "wasserstein"]

MOST = 5_000
"""Values that a distribution is compared by; the interval of more is too narrow to matter."""


@dataclass(frozen=True)
class Measure:
    """A number about the candidates, with all that is needed to read it."""

    name: str
    value: float | None
    n: int
    """Candidates it is taken over."""
    what: str
    """Definition and source."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    unit: str = ""
    beside: dict[str, float] = field(default_factory=dict)
    """The same figure of known sets."""
    reason: str = ""
    """Why there is no value."""
    note: str = ""
    """What was sampled or left out."""

    def against(self, beside: Mapping[str, float | None]) -> "Measure":
        """Return the measure with the figures of known sets beside it."""
        return replace(self, beside=self.beside | {name: value for name, value in beside.items() if value is not None})

    def record(self) -> dict[str, JsonValue]:
        """Return finite JSON."""
        told: dict[str, JsonValue] = {"name": self.name, "value": self.value, "low": self.low, "high": self.high}
        told |= {"n": self.n, "unit": self.unit or None, "beside": dict(self.beside), "what": self.what}
        return told | {key: said for key, said in (("reason", self.reason), ("note", self.note)) if said}


def undefined(name: str, what: str, reason: str, unit: str = "") -> Measure:
    """Return a measure without a value, and why."""
    return Measure(name, None, 0, what, unit=unit, reason=reason)


def share_of(name: str, flags: Sequence[bool] | np.ndarray, what: str) -> Measure:
    """Return the share of true flags with Wilson's interval."""
    n = len(flags)
    if n == 0:
        return undefined(name, what, "no candidate to take it over")
    share = float(np.mean(np.asarray(flags, dtype=float)))
    low, high = wilson(share, n)
    return Measure(name, share, n, what, low, high)


def mean_of(
    name: str, values: Sequence[float] | np.ndarray, what: str, unit: str = "", median: bool = False
) -> Measure:
    """Return mean (or median) of the known values with a bootstrap interval."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return undefined(name, what, "no candidate has a value", unit)
    value = float(np.median(known)) if median else float(known.mean())
    if median:
        low, high = _median_ends(known)
        return Measure(name, value, len(known), what, low, high, unit)
    sample = _thinned(known)
    said = replicate(
        lambda counts: counts @ sample[:, None] / counts.sum(axis=1, keepdims=True), Resampling(len(sample))
    )
    [interval] = said.intervals()
    apart = value - float(sample.mean())
    moved = [None if end is None else end + apart for end in (interval.low, interval.high)]
    return Measure(name, value, len(known), what, moved[0], moved[1], unit)


def _median_ends(known: np.ndarray) -> tuple[float, float]:
    """Return the order statistics that hold the median in 95 % of cases, by the normal limit of the binomial."""
    ordered, n = np.sort(known), len(known)
    reach = 0.98 * np.sqrt(n)
    low, high = int(max(0, np.floor(n / 2 - reach))), int(min(n - 1, np.ceil(n / 2 + reach)))
    return float(ordered[low]), float(ordered[high])


def _thinned(values: np.ndarray) -> np.ndarray:
    if len(values) <= MOST:
        return values
    return np.random.default_rng(0).choice(values, MOST, replace=False)


def wasserstein(name: str, values: np.ndarray, reference: np.ndarray, what: str, unit: str = "") -> Measure:
    """Return W₁ = ∫ |F(x) − G(x)| dx between the distributions of candidates and reference, and its bootstrap interval.

    Zero is never reached by two samples of one distribution: beside it stands what two halves of the reference give.
    """
    known, other = (_thinned(np.asarray(v, dtype=float)[np.isfinite(v)]) for v in (values, reference))
    if len(known) < 2 or len(other) < 2:
        return undefined(name, what, "fewer than two values to compare", unit)
    said = replicate(_distance_to(known, other), Resampling(len(known), resamples=300))
    [interval] = said.intervals()
    measure = Measure(
        name, interval.value, len(known), what, interval.low, interval.high, unit, note=interval.reason or ""
    )
    order = np.random.default_rng(0).permutation(len(other))
    halves = other[order[: len(other) // 2]], other[order[len(other) // 2 :]]
    own = float(_distance_to(*halves)(np.ones((1, len(halves[0]))))[0, 0])
    return measure.against({"two halves of the reference": own})


def _distance_to(values: np.ndarray, reference: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the statistic counts (resamples, n) → W₁ (resamples, 1)."""
    ordered = np.sort(values)
    rank = np.argsort(values, kind="stable")
    grid = np.unique(np.concatenate([ordered, reference]))
    below = np.searchsorted(np.sort(reference), grid[:-1], side="right") / len(reference)
    places = np.searchsorted(ordered, grid[:-1], side="right")
    steps = np.diff(grid)

    def distance(counts: np.ndarray) -> np.ndarray:
        summed = np.concatenate([np.zeros((len(counts), 1)), counts[:, rank].cumsum(axis=1)], axis=1)
        shares = summed[:, places] / summed[:, -1:]
        return np.asarray((np.abs(shares - below) * steps).sum(axis=1, keepdims=True))

    return distance
