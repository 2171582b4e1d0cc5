"""What a generator remembers of itself beside its weights."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import Field

from scitrain.generation.conditions import Condition
from scitrain.generation.options import Family
from scitrain.spec import Spec

__all__ = ["GENERATOR", "KNOWN", "MODELS", "REFERENCE", "GeneratorConfig", "Known", "key_hash"]

MODELS = "models"
GENERATOR = "models/generator.json"
KNOWN = "models/known.npy"
"""Hashes of all strings of the data, sorted: what is not novel."""
REFERENCE = "models/reference.json"
"""Some training strings, to compare draws with."""


class GeneratorConfig(Spec):
    """Read by whoever draws."""

    version: int = 1
    family: Family
    notation: str
    """`smiles`, `selfies` or `composition`; of diffusion, what its decoder writes."""
    kind: str
    """`smiles` or `formula`: what a draw ends as."""
    column: str
    conditions: tuple[Condition, ...] = ()
    known: tuple[int, ...] = ()
    """Ids of the tokens that the training strings have."""
    length: int = Field(2, ge=2)
    """Tokens of the longest training string, with what frames it."""
    rows: int
    """Strings of the data."""
    source: str = ""
    details: dict[str, float | int | str | list[float] | list[str]] = {}
    """What the family needs besides."""


def key_hash(text: str) -> int:
    """Return 64 bits of a string; among a million strings two fall together with a probability of 3e-8."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Known:
    """A set of strings, eight bytes each."""

    def __init__(self, hashes: np.ndarray) -> None:
        self.hashes = hashes
        """uint64, sorted."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Known":
        """Hash strings."""
        return cls(np.unique(np.fromiter((key_hash(text) for text in texts), dtype=np.uint64)))

    def __contains__(self, text: object) -> bool:
        wanted = np.uint64(key_hash(str(text)))
        at = int(np.searchsorted(self.hashes, wanted))
        return at < len(self.hashes) and self.hashes[at] == wanted

    def share_outside(self, texts: Sequence[str]) -> float:
        """Return the share of texts that are not in it."""
        return sum(text not in self for text in texts) / max(len(texts), 1)
