"""The periodic table, its elements coloured by a number: what they do for a prediction, or how well they are known."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import scitrain.chem
from scitrain.figures._signed import SIGNED, largest, tint
from scitrain.figures._style import BLACK, PALE, finish, legible, new_figure, styled
from scitrain.figures.words import number

__all__ = ["Tile", "Told", "colour_bar", "periodic_table", "places", "tiled"]

PERIODS = (2, 10, 18, 36, 54, 86, 118)
"""Last atomic number of each."""
F_BLOCKS = ((57, 71, 8.4), (89, 103, 9.4))
"""First and last atomic number, and the row below the table that they stand in."""


class Told(NamedTuple):
    """Words around the table."""

    title: str
    subtitle: str
    note: str
    """How it is to be read."""


@styled
def periodic_table(
    values: Mapping[str, float], rows: Mapping[str, int], axis: str, told: Told, share: bool = False
) -> Figure:
    """Draw every element; those of ``values`` are coloured, and told with their number of rows.

    Args:
        values: Mean by element, over the rows that contain it.
        rows: Number of those rows.
        axis: What a value is, with its unit.
        told: Words around it.
        share: The values are shares, 0…1; all others are drawn about zero.
    """
    most = 1.0 if share else largest([np.array(list(values.values()))])
    cells = {
        symbol: Tile(tint(0.8 * value, most), (number(value, 2), f"n {rows[symbol]}"))
        for symbol, value in values.items()
    }
    figure, axes = tiled(cells)
    bar = colour_bar(figure, axes, ScalarMappable(Normalize(-most / 0.8, most / 0.8), SIGNED), axis)
    if share:
        bar.ax.set_xlim(0, 1)
    return finish(figure, *told)


class Tile(NamedTuple):
    """What is drawn of one element."""

    colour: tuple[float, float, float]
    lines: tuple[str, str]
    """Below the symbol."""


def tiled(cells: Mapping[str, Tile]) -> tuple[Figure, Axes]:
    """Draw the table; elements without a tile stand pale."""
    figure = new_figure(10.4, 6.4)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0.4, 18.6)
    axes.set_ylim(10.0, 0.4)
    axes.set_aspect("equal")
    for symbol, (column, row) in places().items():
        cell = cells.get(symbol)
        colour: tuple[float, float, float] | str = "#FFFFFF" if cell is None else cell.colour
        ink = BLACK if cell is not None else "#B4B9BE"
        axes.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, facecolor=colour, edgecolor=PALE, lw=0.8))
        axes.text(column, row - 0.14, symbol, ha="center", va="center", fontsize=10, color=ink)
        if cell is not None:
            axes.text(column, row + 0.14, cell.lines[0], ha="center", va="center", fontsize=5.8, color=ink)
            axes.text(column, row + 0.34, cell.lines[1], ha="center", va="center", fontsize=5, color=ink)
    return figure, axes


def colour_bar(figure: Figure, axes: Axes, scale: ScalarMappable, label: str) -> Colorbar:
    """Put the scale of the colours below the table."""
    bar = figure.colorbar(scale, ax=axes, orientation="horizontal", fraction=0.04, pad=0.02, aspect=40, shrink=0.6)
    bar.set_label(legible(label))
    return bar


@cache
def places() -> dict[str, tuple[float, float]]:
    """Return column and row of each element by symbol."""
    path = Path(scitrain.chem.__file__).with_name("element_properties.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    columns = next(one["values"] for one in told["properties"] if one["name"] == "column")
    found: dict[str, tuple[float, float]] = {}
    for at, symbol in enumerate(told["elements"], 1):
        own = (float(columns[at - 1]), 1.0 + next(i for i, last in enumerate(PERIODS) if at <= last))
        below = [(3.0 + at - first, row) for first, last, row in F_BLOCKS if first <= at <= last]
        found[symbol] = below[0] if below else own
    return found
