"""Candidates of a design by two goals, with the front that none beats."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, ORANGE, VERMILION, axis_name, finish, new_figure, styled, thinned
from scitrain.figures.words import count

__all__ = ["Axis", "design_front"]

MOST = 4_000
OUTER = 0.01
WIDE = 100
MARGIN = 0.06


@dataclass(frozen=True)
class Axis:
    """One goal."""

    name: str
    unit: str
    values: np.ndarray
    """(m,) of the candidates, NaN where unknown."""
    known: np.ndarray
    """(k,) measured values of the reference; may be empty."""
    wanted: tuple[float, float]
    """Least and most, infinite where open."""


@styled
def design_front(x: Axis, y: Axis, alive: np.ndarray, on_front: np.ndarray, subtitle: str) -> Figure:
    """Draw predicted candidates, known materials and what is wanted.

    Args:
        x: First goal.
        y: Second goal.
        alive: bool (m,), candidates that were not given up.
        on_front: bool (m,), those that none beats in every goal.
        subtitle: Of the search.
    """
    figure = new_figure(7.2, 5.4)
    axes = figure.add_subplot()
    if len(x.known) == len(y.known) > 0:
        shown = thinned(len(x.known), MOST)
        axes.plot(x.known[shown], y.known[shown], "x", color=ORANGE, ms=4, alpha=0.6, label="known, as measured")
    seen = np.isfinite(x.values) & np.isfinite(y.values)
    groups = (
        (seen & ~alive, "o", GREY, 3.5, 0.35, "given up"),
        (seen & alive & ~on_front, "o", BLUE, 4.5, 0.7, "kept"),
        (seen & on_front, "s", VERMILION, 6.0, 1.0, "Pareto front"),
    )
    for chosen, marker, colour, size, alpha, label in groups:
        rows = np.flatnonzero(chosen)[thinned(int(chosen.sum()), MOST)]
        axes.plot(
            x.values[rows],
            y.values[rows],
            marker,
            color=colour,
            ms=size,
            alpha=alpha,
            label=f"{label} ({count(int(chosen.sum()))})",
        )
    _frame(axes, x, y, seen)
    axes.set(xlabel=axis_name(x.name, x.unit), ylabel=axis_name(y.name, y.unit))
    axes.legend(loc="best", fontsize=8.5)
    note = "Shaded: wanted. Values of candidates are predictions. The front is over all goals and the confidence, not over these two alone."
    return finish(figure, "Candidates by two goals", subtitle, note)


def _frame(axes: Axes, x: Axis, y: Axis, seen: np.ndarray) -> None:
    """Show where most candidates lie and what is wanted, not the farthest outlier."""
    parts = (x, axes.axvspan, axes.set_xlim, axes.set_xscale), (y, axes.axhspan, axes.set_ylim, axes.set_yscale)
    for axis, shade, limit, scale in parts:
        every = np.concatenate([axis.values[seen], axis.known[np.isfinite(axis.known)]])
        ends = [end for end in axis.wanted if np.isfinite(end)]
        low, high = np.quantile(every, [OUTER, 1 - OUTER]).tolist() if len(every) else (0.0, 1.0)
        low, high = min([low, *ends]), max([high, *ends])
        if low > 0 and high > WIDE * low:  # a price: on a plain scale all that is cheap would be one line
            scale("log")
            least, most = low * (low / high) ** MARGIN, high * (high / low) ** MARGIN
        else:
            room = MARGIN * (high - low or 1.0)
            least, most = low - room, high + room
        limit(least, most)
        if ends:
            shade(max(axis.wanted[0], least), min(axis.wanted[1], most), color=VERMILION, alpha=0.12, lw=0)
