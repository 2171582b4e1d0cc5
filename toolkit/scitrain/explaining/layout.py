"""Which values of a row belong to one thing that a person knows: a column, an element, a wavelength, a position."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.contracts.modality import Featuriser
from scitrain.contracts.model import InputShape

__all__ = ["Layout", "layout_of", "permuted_together"]

CELLS = (8, 7, 6, 5, 4)
"""Regions along each side of an image: so many that they are of one size, where that can be."""
_PLACE = re.compile(r".* at (.+)")
_LETTER = re.compile(r"(\d+)\D")


@dataclass(frozen=True)
class Layout:
    """Names of the features, and which of them each value of a row belongs to."""

    names: tuple[str, ...]
    groups: np.ndarray
    """int (…) with the shape of a row: index into ``names``."""

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Add up attributions (n, …) by feature, (n, features)."""
        found = np.zeros((len(values), len(self.names)))
        flat = self.groups.ravel()
        for row, own in enumerate(values.reshape(len(values), -1)):
            found[row] = np.bincount(flat, weights=own, minlength=len(self.names))
        return found


def layout_of(featuriser: Featuriser) -> Layout:
    """Return the features of a featuriser; a vector of an unknown kind has one a column."""
    shape = featuriser.shape()
    if shape.kind == "image":
        return _regions(shape)
    if shape.kind == "tokens":
        return Layout(tuple(f"token {i + 1}" for i in range(shape.shape[0])), np.arange(shape.shape[0]))
    if shape.kind == "series":
        return _places(featuriser, shape)
    if featuriser.model_dump().get("kind") == "table_features":
        return _grouped(_table_columns(featuriser))
    return _grouped([_known_as(featuriser, name) for name in featuriser.names() or map(str, range(shape.shape[0]))])


def _known_as(featuriser: Featuriser, name: str) -> str:
    """Return what a person knows a column of the vector by: an element, a property, a place, a position."""
    kind = featuriser.model_dump().get("kind")
    if kind == "series_values" and (found := _PLACE.fullmatch(name)):
        return found[1]
    if kind == "sequence_letters" and (found := _LETTER.fullmatch(name)):
        return f"position {found[1]}"
    return _of_formula(name) if kind == "formula_features" else name


def _of_formula(name: str) -> str:
    """Return the element of a fraction, the property of a statistic, else the name; a column's name stays ahead."""
    from scitrain.chem.formula_features import STATISTICS

    head, colon, tail = name.rpartition(": ")
    for word in ("log fraction", "fraction", *STATISTICS):
        if tail.startswith(f"{word} "):
            return f"{head}{colon}{tail[len(word) + 1 :]}"
    return name


def permuted_together(featuriser: Featuriser, layout: Layout) -> Layout:
    """Return what is shuffled as one: the features, but each kind of counts of a molecule as a whole, for the counts are many."""
    blocks = featuriser.shape().blocks
    if not any(name.endswith("_counts") for name in blocks):
        return layout
    names = [layout.names[i] for i in layout.groups]
    for name, (start, end) in blocks.items():
        if name.endswith("_counts"):
            names[start:end] = [name] * (end - start)
    return _grouped(names)


def _grouped(names: Sequence[str]) -> Layout:
    known = tuple(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(known)}
    return Layout(known, np.array([place[name] for name in names]))


def _table_columns(featuriser: Featuriser) -> list[str]:
    """Return the table's column that each value was made of; values stand before flags, each in the columns' order."""
    from scitrain.modalities._table_features import blocks

    options = featuriser.options()
    columns = options["columns"]
    values: list[str] = []
    flags: list[str] = []
    for column in columns if isinstance(columns, list) else []:
        own = blocks({"columns": [column]})
        for name, kept in (("values", values), ("flags", flags)):
            start, end = own.get(name, (0, 0))
            kept += [column["name"]] * (end - start)
    return values + flags


def _regions(shape: InputShape) -> Layout:
    channels, height, width = shape.shape
    down, across = _cut(height), _cut(width)
    grid = down[:, None] * (across[-1] + 1) + across
    names = tuple(f"rows {y}, columns {x}" for y in _spans(down) for x in _spans(across))
    return Layout(names, np.broadcast_to(grid, (channels, height, width)))


def _cut(side: int) -> np.ndarray:
    """Return the region of each pixel along a side."""
    cells = min(side, next((number for number in CELLS if side % number == 0), CELLS[0]))
    return np.arange(side) * cells // side


def _spans(regions: np.ndarray) -> list[str]:
    ends = [np.flatnonzero(regions == i)[[0, -1]].tolist() for i in range(int(regions[-1]) + 1)]
    return [str(first) if first == last else f"{first}–{last}" for first, last in ends]


def _places(featuriser: Featuriser, shape: InputShape) -> Layout:
    channels, length = shape.shape
    columns = featuriser.options().get("columns")
    wide = featuriser.options().get("layout") == "columns" and isinstance(columns, list)
    names = (
        [str(columns[i]) for i in range(length)]
        if wide and isinstance(columns, list)
        else [str(i + 1) for i in range(length)]
    )
    groups = np.broadcast_to(np.arange(length), (channels, length)).copy()
    for start, end in shape.blocks.values():
        groups[start:end] = length
        names = [*names[:length], "extent"]
    return Layout(tuple(names), groups)
