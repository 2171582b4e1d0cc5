"""Tasks of N classes, K examples and Q questions each, drawn again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.fewshot.prototypes import Array
from scitrain.fewshot.support import MOST, Selection, choose_support

__all__ = ["Drawing", "Episode"]


@dataclass(frozen=True)
class Episode:
    """One task; no row is both support and query."""

    classes: np.ndarray
    """int64 (way,): numbers of the classes."""
    support: np.ndarray
    """int64 (way, shots) rows."""
    queries: np.ndarray
    """int64 (way, queries) rows."""

    @property
    def answers(self) -> np.ndarray:
        """Position (way · queries,) of the true class of each query, class by class."""
        return np.arange(len(self.classes)).repeat(self.queries.shape[1])


@dataclass(frozen=True)
class Drawing:
    """How episodes are drawn; episode i is a function of (seed, i) alone."""

    way: int
    shots: int
    queries: int
    select: Selection = "random"
    seed: int = 42

    def episode(self, number: int, members: Sequence[np.ndarray], x: Array) -> Episode:
        """Draw episode ``number``.

        Args:
            number: From 0.
            members: Rows of each class; each class has more than ``shots`` of them.
            x: (rows, width) by which a diverse support is chosen; of the rows that are no queries.
        """
        rng = np.random.default_rng((self.seed, number))
        classes = np.sort(rng.permutation(len(members))[: self.way])
        drawn = [self._of_class(members[k], x, rng) for k in classes]
        return Episode(classes, np.stack([one for one, _ in drawn]), np.stack([other for _, other in drawn]))

    def _of_class(self, rows: np.ndarray, x: Array, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        mixed = rng.permutation(rows)
        queries, rest = mixed[: self.queries], mixed[self.queries :][: max(MOST, self.shots)]
        return rest[choose_support(x[rest], self.shots, self.select, rng)], queries
