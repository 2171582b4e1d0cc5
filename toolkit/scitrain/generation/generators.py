"""What a search draws its candidates from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["Generator"]


class Generator(Protocol):
    """Draws materials, and learns from those that turned out well."""

    def sample(self, n: int, conditions: Mapping[str, float], seed: int) -> list[str]:
        """Return ``n`` SMILES or formulas, some of which may be unreadable, the same for the same seed.

        Args:
            n: At least 1.
            conditions: Wanted values by property, 1 for a filter to be passed; those that the generator does not know are left aside.
            seed: Of all that is drawn.
        """

    def tune(self, best: Sequence[str]) -> None:
        """Lean towards ``best``: canonical SMILES or reduced formulas, the best first."""
