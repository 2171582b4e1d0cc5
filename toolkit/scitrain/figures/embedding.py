"""Rows as points in a plane, coloured by class, with the prototypes that classify them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLACK,
    CYCLE,
    GREY,
    MARKERS,
    common_legend,
    finish,
    legible_names,
    new_figure,
    styled,
)

__all__ = ["MOST_CLASSES", "Points", "embedding"]

MOST_CLASSES = len(CYCLE)
"""Classes that colours and markers tell apart."""


@dataclass(frozen=True)
class Points:
    """What is drawn, in the plane."""

    names: Sequence[str]
    """Of the classes, at most `MOST_CLASSES`."""
    at: np.ndarray
    """(n, 2)"""
    classes: np.ndarray
    """(n,) class of each point: the true one of a support row, the predicted one of a new row."""
    new: np.ndarray
    """bool (n,): rows whose class was predicted; drawn hollow."""
    prototypes: np.ndarray
    """(classes, 2)"""


@styled
def embedding(points: Points, axes_names: tuple[str, str], subtitle: str = "", note: str = "") -> Figure:
    """Draw rows by class and each prototype as a black-rimmed larger mark of the same shape.

    Args:
        points: Where everything lies.
        axes_names: Of the two axes.
        subtitle: Words under the title.
        note: Words at the bottom.
    """
    figure = new_figure(7.0, 5.8)
    axes = figure.add_subplot()
    for k, name in enumerate(legible_names(list(points.names), 24)):
        _class(axes, points, k, name)
    axes.plot([], [], "o", color=GREY, mec=BLACK, mew=1.6, ms=11, label="prototype", ls="")
    if points.new.any():
        axes.plot([], [], "o", color="none", mec=GREY, mew=1.2, ms=6, label="new row, by its prediction", ls="")
    axes.set_xlabel(axes_names[0])
    axes.set_ylabel(axes_names[1])
    axes.margins(0.06)
    common_legend(figure)
    return finish(figure, "Rows and prototypes", subtitle, note)


def _class(axes: Axes, points: Points, k: int, name: str) -> None:
    colour, marker = CYCLE[k], MARKERS[k]
    mine = points.classes == k
    known, new = points.at[mine & ~points.new], points.at[mine & points.new]
    axes.plot(known[:, 0], known[:, 1], marker, color=colour, ms=5.5, alpha=0.6, mew=0, ls="", label=name)
    axes.plot(new[:, 0], new[:, 1], marker, color="none", mec=colour, mew=1.1, ms=6, ls="")
    axes.plot(*points.prototypes[k], marker, color=colour, mec=BLACK, mew=1.8, ms=13, ls="", zorder=5)
