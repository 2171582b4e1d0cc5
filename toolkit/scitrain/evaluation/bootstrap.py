"""How sure a number is: bootstrap over rows, for a statistic or for the difference of two on the same rows.

Intervals are BCa (Efron 1987, doi:10.1080/01621459.1987.10478410): percentiles of the resamples, moved for the bias and
the skewness of the statistic. The jackknife it needs leaves out interleaved blocks of rows, at most `BLOCKS` of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from scitrain.evaluation.metrics import Array

__all__ = ["NOTHING", "Interval", "Replicates", "Resampling", "holm", "replicate", "wilson"]

Statistic = Callable[[Array], Array]
"""Counts (resamples, n) → values (resamples, columns)."""

BLOCKS = 100
CELLS = 2_000_000
"""Counts held at once (16 MB): the memory does not grow with the rows."""
BUDGET = 20_000_000
"""Rows × resamples beyond which fewer resamples are drawn: with so many rows the interval hardly depends on them."""
FEWEST = 200
UNDEFINED_SHARE = 0.05
"""Largest share of resamples without a value for which an interval is still given."""


@dataclass(frozen=True)
class Interval:
    """A value with the interval it lies in, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


NOTHING = Interval(None, reason="no labelled rows")


@dataclass(frozen=True)
class Resampling:
    """Draws of n rows with replacement; the same fields give the same draws, so that two statistics are paired."""

    n: int
    resamples: int = 1000
    seed: int = 42

    @property
    def draws(self) -> int:
        """Number of resamples that are drawn."""
        return min(self.resamples, max(FEWEST, BUDGET // self.n))

    def bootstrap(self) -> Iterator[Array]:
        """Yield how often each row is drawn, (some resamples, n)."""
        rng = np.random.default_rng(self.seed)
        chunk = max(1, CELLS // self.n)
        for start in range(0, self.draws, chunk):
            size = min(chunk, self.draws - start)
            cells = rng.integers(self.n, size=(size, self.n)) + np.arange(size)[:, None] * self.n
            yield np.bincount(cells.ravel(), minlength=size * self.n).reshape(size, self.n).astype(float)

    def jackknife(self) -> Iterator[Array]:
        """Yield the rows with each block left out, (some blocks, n); interleaved, so that order does not matter."""
        blocks = min(self.n, BLOCKS)
        chunk = max(1, CELLS // self.n)
        block_of = np.arange(self.n) % blocks
        for start in range(0, blocks, chunk):
            yield (block_of != np.arange(start, min(start + chunk, blocks))[:, None]).astype(float)


@dataclass(frozen=True)
class Replicates:
    """A statistic of the rows, of their resamples and of their jackknife."""

    value: Array
    """(columns,)"""
    resampled: Array
    """(resamples, columns)"""
    left_out: Array
    """(blocks, columns)"""

    def __sub__(self, other: "Replicates") -> "Replicates":
        return Replicates(self.value - other.value, self.resampled - other.resampled, self.left_out - other.left_out)

    def mean(self) -> "Replicates":
        """Return the mean over the columns as one column; undefined columns are left out as in the value itself."""
        keep = ~np.isnan(self.value)
        if not keep.any():
            return Replicates(*(part[..., :1] for part in (self.value, self.resampled, self.left_out)))
        return Replicates(
            *(part[..., keep].mean(axis=-1, keepdims=True) for part in (self.value, self.resampled, self.left_out))
        )

    def take(self, columns: slice) -> "Replicates":
        """Return some of the columns."""
        return Replicates(self.value[columns], self.resampled[:, columns], self.left_out[:, columns])

    def intervals(self, level: float = 0.95) -> list[Interval]:
        """Return value and interval of each column."""
        return [
            _interval(float(value), self.resampled[:, i], self.left_out[:, i], level)
            for i, value in enumerate(self.value)
        ]

    def p_value(self) -> float | None:
        """Return how often resamples of the first column lie beyond zero, two-sided: 2 · min(P(d ≤ 0), P(d ≥ 0)).

        Counted with one resample more on each side, so that it is never 0 (Davison & Hinkley 1997, doi:10.1017/CBO9780511802843).
        """
        drawn = self.resampled[:, 0]
        drawn = drawn[np.isfinite(drawn)]
        if not np.isfinite(self.value[0]) or len(drawn) == 0:
            return None
        beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
        return min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: the k-th smallest of m times m − k + 1, never falling (Holm 1979, jstor:4615733)."""
    corrected = [0.0] * len(values)
    most = 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        most = max(most, min(1.0, values[at] * (len(values) - rank)))
        corrected[at] = most
    return corrected


def replicate(statistic: Statistic, resampling: Resampling) -> Replicates:
    """Evaluate ``statistic`` on the rows, on each resample and with each block of rows left out."""
    value = statistic(np.ones((1, resampling.n)))[0]
    resampled = np.concatenate([statistic(counts) for counts in resampling.bootstrap()])
    left_out = np.concatenate([statistic(counts) for counts in resampling.jackknife()])
    return Replicates(value, resampled, left_out)


def _interval(value: float, resampled: Array, left_out: Array, level: float) -> Interval:
    if not np.isfinite(value):
        return Interval(None, reason="undefined for these rows")
    defined = resampled[np.isfinite(resampled)]
    missing = 1 - len(defined) / len(resampled)
    if missing > UNDEFINED_SHARE:
        return Interval(
            value, reason=f"no interval: undefined in {missing:.0%} of the resamples (too few rows, or of a class)"
        )
    if np.ptp(defined) <= 1e-12 * abs(value):
        return Interval(value, reason="no interval: every resample gives the same value")
    low, high = _bca(value, defined, left_out[np.isfinite(left_out)], level)
    return Interval(value, low, high)


def _bca(value: float, resampled: Array, left_out: Array, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    below = (resampled < value).mean() + (resampled == value).mean() / 2
    if not tail < below < 1 - tail:
        return _reversed(value, resampled, tail)
    bias = ndtri(below)
    apart = left_out.mean() - left_out
    scale = (apart**2).sum() ** 1.5
    skew = (apart**3).sum() / (6 * scale) if scale > 0 else 0.0
    shifted = bias + ndtri(np.array([tail, 1 - tail]))
    low, high = np.quantile(resampled, ndtr(bias + shifted / (1 - skew * shifted)))
    return float(low), float(high)


def _reversed(value: float, resampled: Array, tail: float) -> tuple[float, float]:
    """Mirror the percentiles about the value: for statistics that resampling itself pushes up, such as the ECE of a
    calibrated model, where BCa has nothing left to move. Keeps the value inside and the sign of the resamples.
    """  # noqa: D205 — one sentence that does not fit a line
    low, high = 2 * value - np.quantile(resampled, [1 - tail, tail])
    floor = 0.0 if resampled.min() >= 0 else -np.inf
    return max(floor, min(float(low), value)), max(float(high), value)


def wilson(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion (doi:10.1080/01621459.1927.10502953); holds up at 0 and 1.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
    """
    z = float(ndtri(1 - (1 - level) / 2))
    middle = share + z * z / (2 * n)
    reach = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, (middle - reach) / (1 + z * z / n)), min(1.0, (middle + reach) / (1 + z * z / n))
