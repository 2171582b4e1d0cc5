"""Ids of many texts in one array."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Tokens"]


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

    @classmethod
    def stacked(cls, parts: Sequence["Tokens"]) -> "Tokens":
        """Return the rows of all parts, one part after the other."""
        if not parts:
            return cls.of([])
        before = np.cumsum([0, *(len(part.flat) for part in parts[:-1])])
        ends = [part.ends + shift for part, shift in zip(parts, before, strict=True)]
        return cls(np.concatenate([part.flat for part in parts]), np.concatenate(ends))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        """Return int64 (n,)."""
        return np.diff(self.ends, prepend=0)

    def row(self, at: int) -> np.ndarray:
        """Return the ids of a row."""
        return self.flat[(self.ends[at - 1] if at else 0) : self.ends[at]]

    def rows(self) -> list[list[int]]:
        """Return all rows as lists."""
        return [part.tolist() for part in np.split(self.flat, self.ends[:-1])] if len(self) else []

    def having(self, token: int) -> np.ndarray:
        """Return which rows hold an id, bool (n,)."""
        found = np.zeros(len(self), dtype=np.bool_)
        found[np.searchsorted(self.ends, np.flatnonzero(self.flat == token), side="right")] = True
        return found

    def chosen(self, rows: np.ndarray) -> "Tokens":
        """Return some rows (int64), in the order in which they are named."""
        begins = np.where(rows > 0, self.ends[rows - 1], 0)
        lengths = self.ends[rows] - begins
        ends = np.cumsum(lengths, dtype=np.int64)
        places = np.arange(int(lengths.sum())) + np.repeat(begins - (ends - lengths), lengths)
        return Tokens(self.flat[places], ends)

    def padded(self, width: int, pad: int = 0) -> np.ndarray:
        """Return int32 (n, width), filled up with ``pad`` behind; no row may be longer."""
        found = np.full((len(self), width), pad, dtype=np.int32)
        found[np.arange(width) < self.lengths[:, None]] = self.flat
        return found
