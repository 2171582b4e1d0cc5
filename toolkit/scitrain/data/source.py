"""What was read: columns of raw text, and where each row stood."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scitrain.data.columns import TextColumn
from scitrain.data.layout import SeriesLayout

__all__ = ["MAX_CELL", "Broken", "Source"]

MAX_CELL = 1_000_000
"""Characters; a longer cell is no value, and would stall every parser it meets."""


@dataclass(frozen=True)
class Broken:
    """A row, or one cell of it, that cannot be used."""

    line: int
    column: str
    """Empty where the whole row is meant."""
    value: str
    reason: str
    row: int = 0
    """Number of the row, counted from 1; 0 where only the line is known."""

    @property
    def shown(self) -> str:
        """Return the value, cut where a reader would stop reading."""
        return self.value if len(self.value) <= 80 else f"{self.value[:77]}…"


@dataclass(frozen=True)
class Source:
    """A table as it stood in the source, every cell as text; an empty string is a missing cell."""

    name: str
    """File name, or ``builtin:NAME``."""
    columns: Mapping[str, TextColumn]
    rows: np.ndarray
    """int64 (n,): number of each row in the source, counted from 1 without a header."""
    lines: np.ndarray
    """int64 (n,): where each row begins, in the unit that `place` names."""
    fingerprint: str
    """Hash of the content."""
    place: str = "line"
    """``line`` of a text file, ``row`` of a Parquet file, ``record`` of an SDF, ``image`` of a folder."""
    folder: Path | None = None
    """Folder of the images that cells name; None where there are none."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit by column, from the header or the built-in's description."""
    description: str = ""
    licence: str | None = None
    citation: str | None = None
    default_target: str | None = None
    notes: tuple[str, ...] = ()
    """How the file was understood where it could have been otherwise: encoding, delimiter, decimal comma."""
    layout: SeriesLayout | None = None
    """How a long table was put together to series; None where a row is a row."""
    own: int | None = None
    """Rows that are divided; those behind them are of a second file and only train. None: all are."""
    auxiliary: str = ""
    """Name of that file …"""
    auxiliary_fingerprint: str = ""
    """… and the hash of its content."""
    broken: tuple[Broken, ...] = ()
    """Rows that are not among the ``rows``: too many cells, no JSON, no molecule."""

    def __len__(self) -> int:
        return len(self.rows)

    def told(self, i: int, broken: Broken) -> Broken:
        """Return what is wrong with row ``i``, with the name of its file where that is the second."""
        return (
            broken if self.own is None or i < self.own else replace(broken, reason=f"{self.auxiliary}: {broken.reason}")
        )
