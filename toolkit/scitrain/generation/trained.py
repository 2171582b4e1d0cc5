"""A trained generator in a search: asked for the goals it was taught to heed, and taught the best that was found."""

from collections.abc import Mapping, Sequence

import numpy as np

from scitrain.generation.conditions import FARTHEST
from scitrain.generation.generator import Tuning, load
from scitrain.generation.options import Sampling
from scitrain.runs import Run

__all__ = ["TrainedGenerator"]

GENTLE = Tuning(epochs=2, learning_rate=5e-5, batch_size=32)
"""A few steps: more would have it write the best ones alone."""


class TrainedGenerator:
    """The generator of a run; the run itself is not changed."""

    def __init__(self, run: Run) -> None:
        self.inner = load(run)

    def sample(self, n: int, conditions: Mapping[str, float], seed: int) -> list[str]:
        """Return drawn strings, readable or not; conditions it does not heed, or far outside its range, are left aside."""
        heeded = {}
        for one in self.inner.config.conditions:
            reach = FARTHEST * (one.high - one.low)
            if one.name in conditions and one.low - reach <= conditions[one.name] <= one.high + reach:
                heeded[one.name] = conditions[one.name]
        found = self.inner.candidates(n, heeded, Sampling(), seed % 2**32)
        return [one.key or one.text for one in found]

    def tune(self, best: Sequence[str]) -> None:
        """Go on training on the best, their conditions untold."""
        if best:
            untold = {one.name: [np.nan] * len(best) for one in self.inner.config.conditions}
            self.inner.tune(list(best), untold or None, GENTLE)
