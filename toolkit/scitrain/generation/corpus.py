"""Tokens of many strings in one array."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["LONGEST", "Corpus", "Tokens", "padded"]

LONGEST = 512
"""Tokens of the longest string that is learned from."""


@dataclass(frozen=True)
class Tokens:
    """Ragged rows of ids."""

    flat: np.ndarray
    """int16 or int32 (all tokens,)"""
    ends: np.ndarray
    """int64 (n,): where each row ends."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Tokens":
        """Pack lists of ids."""
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        flat = np.fromiter((i for row in rows for i in row), dtype=np.int32, count=int(ends[-1]) if len(ends) else 0)
        return cls(flat, ends)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        """Return int64 (n,)."""
        return np.diff(self.ends, prepend=0)

    def row(self, at: int) -> np.ndarray:
        """Return the ids of a row."""
        return self.flat[(self.ends[at - 1] if at else 0) : self.ends[at]]


@dataclass(frozen=True)
class Corpus:
    """What a language model is taught."""

    tokens: Tokens
    values: np.ndarray
    """float32 (n, properties), standardised, NaN where a row has none."""
    train: np.ndarray
    """int64 rows."""
    val: np.ndarray
    """int64 rows, held out."""
    length: int
    """Tokens of the longest string."""


def padded(tokens: Tokens, rows: np.ndarray, pad: int) -> Tensor:
    """Return int64 (batch, longest) of some rows, filled up with ``pad`` behind."""
    found = [tokens.row(int(at)) for at in rows]
    out = np.full((len(found), max(map(len, found))), pad, dtype=np.int64)
    for i, ids in enumerate(found):
        out[i, : len(ids)] = ids
    return torch.from_numpy(out)
