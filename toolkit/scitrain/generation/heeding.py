"""What came of values that were asked for: how far from them, to which side, and whether what was got follows them."""

import numpy as np

from scitrain.evaluation.bootstrap import Resampling, replicate
from scitrain.generation.measures import Measure, mean_of

__all__ = ["heeded", "heeding_measures", "varies"]


def heeded(asked: np.ndarray, got: np.ndarray) -> dict[str, float | int | None]:
    """Return mean |got − asked|, mean (got − asked) and R² = 1 − Σ(got − asked)² / Σ(got − mean)², of values (n,) that are there.

    So defined, R² counts scatter and bias alike: 1 where each is as asked, below 0 where asking is of no use.
    """
    if not len(got):
        return {"mae": None, "bias": None, "r2": None, "n": 0}
    r2 = float(_r2(asked, got, np.ones((1, len(got))))[0, 0])
    apart = got - asked
    return {
        "mae": float(np.abs(apart).mean()),
        "bias": float(apart.mean()),
        "r2": r2 if np.isfinite(r2) else None,
        "n": len(got),
    }


def _r2(asked: np.ndarray, got: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return R² (resamples, 1) of rows drawn ``counts`` (resamples, n) times, NaN where all are alike."""
    moved = got - got.mean()  # the differences of large squares would lose digits
    rows = counts.sum(axis=1)
    spread = counts @ moved**2 - (counts @ moved) ** 2 / rows
    whole = np.where(spread > 1e-12 * rows, spread, np.nan)
    return np.asarray(1 - (counts @ (got - asked) ** 2) / whole)[:, None]


def varies(asked: np.ndarray) -> bool:
    """Tell whether different values were asked for: one alone says nothing of following."""
    known = asked[np.isfinite(asked)]
    return bool(len(known)) and bool((known != known[0]).any())


def heeding_measures(name: str, asked: np.ndarray, got: np.ndarray, unit: str) -> list[Measure]:
    """Return the figures of a property with their intervals: asked and got (n,), NaN where nothing was asked or nothing is known."""
    there = np.isfinite(asked) & np.isfinite(got)
    asked, got = asked[there], got[there]
    which = "the value that was asked"
    found = [
        mean_of(f"error_{name}", np.abs(got - asked), f"mean |{name} − {which}|", unit),
        mean_of(f"bias_{name}", got - asked, f"mean ({name} − {which}): to which side the candidates miss", unit),
    ]
    return [*found, _following(name, asked, got)] if varies(asked) else found


def _following(name: str, asked: np.ndarray, got: np.ndarray) -> Measure:
    what = f"1 − Σ({name} − asked)² / Σ({name} − mean)²: 1 where each candidate is as asked, 0 or less where asking was of no use"
    [said] = replicate(lambda counts: _r2(asked, got, counts), Resampling(len(got))).intervals()
    return Measure(f"r2_{name}", said.value, len(got), what, said.low, said.high, reason=said.reason or "")
