"""A small table of words, which card and report each put into their own marks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Table", "table"]

Cell = tuple[str, ...]
"""Lines of one cell."""


@dataclass(frozen=True)
class Table:
    """A small table of words; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: bool = False
    """All columns but the first are numbers."""

    def __bool__(self) -> bool:
        return bool(self.rows)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | Cell]], numeric: bool = False) -> Table:
    """Make a table from cells of one or more lines."""
    cells = tuple(tuple((cell,) if isinstance(cell, str) else cell for cell in row) for row in rows)
    return Table(caption, tuple(head), cells, numeric)
