"""A small sample after each epoch: how many are valid, different, new."""

from collections.abc import Mapping

import numpy as np

from scitrain.generation.generator import Generator
from scitrain.generation.options import Sampling

__all__ = ["SHARES", "Probe", "shares"]

SAMPLE = 128
SHARES = ("valid", "unique", "novel")


def shares(keys: list[str], novel: list[bool]) -> dict[str, float]:
    """Return validity (of all), uniqueness (of the valid) and novelty (of the unique), each in 0…1; "" is an invalid one.

    As MOSES has them: Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644. Without a valid one the others are 0.
    """
    valid = [key for key in keys if key]
    first = {key: new for key, new in zip(keys, novel, strict=True) if key}
    return {
        "valid": len(valid) / max(len(keys), 1),
        "unique": len(first) / max(len(valid), 1),
        "novel": sum(first.values()) / max(len(first), 1),
    }


class Probe:
    """Draws without a grammar and without conditions: what the network itself has learned."""

    def __init__(self, generator: Generator, seed: int) -> None:
        self.generator, self.seed = generator, seed

    def __call__(self, epoch: int) -> dict[str, float]:
        """Return the shares of an epoch (from 1)."""
        free = Sampling(constrained=False)
        values = np.full(len(self.generator.config.conditions), np.nan, dtype=np.float32)
        found = [self.generator.judge(one) for one in self.generator.draw(SAMPLE, values, free, self.seed)]
        named: Mapping[str, float] = shares([one.key for one in found], [one.novel for one in found])
        return dict(named)
