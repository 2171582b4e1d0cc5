"""Candidates that a search looked at, with everything that was found out about each: appended to, written down, read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Pool", "joined"]


@dataclass(frozen=True)
class Pool:
    """m materials; every sequence runs over them."""

    names: list[str]
    numbers: Mapping[str, np.ndarray]
    """float (m,), computed, NaN where unknown."""
    flags: Mapping[str, np.ndarray]
    """bool (m,)."""
    words: Mapping[str, list[str]]
    values: Mapping[str, np.ndarray]
    """float (m,) by target, predicted; NaN where it was not."""
    low: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]
    deviations: Mapping[str, np.ndarray]
    asked: np.ndarray
    """bool (m,): passed what is cheap, so that the predictors were asked."""
    inside: np.ndarray
    """bool (m,): asked, and in the training domain of every predictor; true where none has one."""
    reasons: list[str]
    """Why each was given up, empty for those that were not."""
    stages: list[str]
    """Criterion at which it fell, empty for survivors."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def predicted(self) -> int:
        """Number of materials that the predictors were asked about."""
        return int(self.asked.sum())

    def property(self, name: str) -> np.ndarray:
        """Return a property (m,), predicted or computed."""
        return self.values[name] if name in self.values else self.numbers[name]

    def record(self) -> dict[str, Any]:
        """Return finite JSON that `Pool.read` turns back."""
        numeric = ("numbers", "values", "low", "high", "deviations")
        told: dict[str, Any] = {part: {k: _plain(v) for k, v in getattr(self, part).items()} for part in numeric}
        told |= {"flags": {k: v.tolist() for k, v in self.flags.items()}, "inside": self.inside.tolist()}
        told["asked"] = self.asked.tolist()
        return told | {"names": self.names, "words": dict(self.words), "reasons": self.reasons, "stages": self.stages}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Pool":
        """Return the pool that a record was made of."""
        numeric = ("numbers", "values", "low", "high", "deviations")
        arrays = {part: {k: np.array(v, dtype=float) for k, v in told[part].items()} for part in numeric}
        flags = {k: np.array(v, dtype=bool) for k, v in told["flags"].items()}
        return cls(
            names=told["names"],
            flags=flags,
            words=told["words"],
            asked=np.array(told["asked"], dtype=bool),
            inside=np.array(told["inside"], dtype=bool),
            reasons=told["reasons"],
            stages=told["stages"],
            **arrays,
        )


def _plain(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def joined(pools: Sequence[Pool]) -> Pool:
    """Put pools of the same properties behind one another; at least one."""
    numeric = ("numbers", "flags", "values", "low", "high", "deviations")
    first = pools[0]
    arrays = {
        part: {k: np.concatenate([getattr(p, part)[k] for p in pools]) for k in getattr(first, part)}
        for part in numeric
    }
    return Pool(
        names=[name for pool in pools for name in pool.names],
        words={k: [word for pool in pools for word in pool.words[k]] for k in first.words},
        asked=np.concatenate([pool.asked for pool in pools]),
        inside=np.concatenate([pool.inside for pool in pools]),
        reasons=[reason for pool in pools for reason in pool.reasons],
        stages=[stage for pool in pools for stage in pool.stages],
        **arrays,
    )
