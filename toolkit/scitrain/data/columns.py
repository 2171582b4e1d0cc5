"""Columns of text that may hold millions of cells."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["TextColumn", "as_arrow", "behind", "take", "text_column"]

CHUNK = 65_536
"""Cells turned into Python strings at once when a column is walked through."""


class TextColumn(Sequence[str]):
    """An immutable column of text, kept as one Arrow buffer: about a fifth of the memory of a list of strings."""

    def __init__(self, array: pa.Array | pa.ChunkedArray) -> None:
        whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        filled = pc.fill_null(pc.cast(whole, pa.large_string()), "")
        self.arrow: pa.Array = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
        """large_string (n,), without nulls."""

    def __len__(self) -> int:
        return len(self.arrow)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "TextColumn": ...
    def __getitem__(self, index: int | slice) -> "str | TextColumn":
        if isinstance(index, slice):
            return TextColumn(self.arrow[index])
        cell: str = self.arrow[int(index)].as_py()
        return cell

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.arrow), CHUNK):
            yield from self.arrow.slice(start, CHUNK).to_pylist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TextColumn):
            return bool(self.arrow.equals(other.arrow))
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    def __hash__(self) -> int:
        return hash((len(self), self[0] if len(self) else ""))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.arrow[:3].to_pylist()))
        return f"TextColumn([{shown}{', …' if len(self) > 3 else ''}], n={len(self)})"

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:
        return self.arrow if type is None else pc.cast(self.arrow, type)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.arrow.to_pylist(), dtype=dtype or object)

    def take(self, indices: np.ndarray) -> "TextColumn":
        """Return the cells at ``indices``, in that order."""
        return TextColumn(self.arrow.take(pa.array(np.asarray(indices, dtype=np.int64))))


def text_column(cells: Iterable[str]) -> TextColumn:
    """Return the cells as a column; one that is a column already is returned as it is."""
    if isinstance(cells, TextColumn):
        return cells
    return TextColumn(pa.array(cells if isinstance(cells, list) else list(cells), type=pa.large_string()))


def as_arrow(cells: Sequence[str]) -> pa.Array:
    """Return the cells as one Arrow array of type large_string."""
    return text_column(cells).arrow


def take(columns: Mapping[str, Sequence[str]], indices: np.ndarray) -> dict[str, TextColumn]:
    """Return rows ``indices`` of every column."""
    return {name: text_column(cells).take(indices) for name, cells in columns.items()}


def behind(first: Sequence[str], second: Sequence[str]) -> TextColumn:
    """Return the cells of two columns as one."""
    return TextColumn(pa.chunked_array([as_arrow(first), as_arrow(second)]))
