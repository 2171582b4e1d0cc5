"""Runs, or a network and its baselines, beside one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, VERMILION, axis_name, finish, legible, legible_names, new_figure, styled
from scitrain.figures.words import DASH, with_interval

__all__ = ["Compared", "comparison"]

MOST_ROWS = 30


@dataclass(frozen=True)
class Compared:
    """One thing that is compared."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    """Why there is no value."""
    emphasis: bool = False
    """Drawn in the colour of the network; baselines are grey."""


@styled
def comparison(
    entries: Sequence[Compared],
    metric: str,
    unit: str | None = "",
    higher_is_better: bool | None = None,
    subtitle: str = "",
) -> Figure:
    """Draw a dot with its interval for each entry, the best at the top; one without a value says why.

    Args:
        entries: At most `MOST_ROWS` are drawn, the best.
        metric: Name of the metric, as a person reads it.
        unit: Unit of the values; empty or None draws none.
        higher_is_better: Direction of the order; None keeps the order given.
        subtitle: Words under the title, such as split and n.
    """
    ranked = _ranked(entries, higher_is_better)[:MOST_ROWS]
    names = legible_names([entry.label for entry in ranked], 40)
    figure = new_figure(7.0, float(np.clip(1.6 + 0.36 * len(ranked), 2.6, 12)))
    axes = figure.add_subplot()
    for at, entry in enumerate(ranked):
        _entry(axes, at, entry)
    axes.set_yticks(range(len(ranked)), names)
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.grid(visible=False, axis="y")
    better = {True: ", higher is better", False: ", lower is better", None: ""}[higher_is_better]
    axes.set_xlabel(axis_name(metric, unit, 60) + better)
    _values(axes, ranked)
    cut = f"{len(ranked)} of {len(entries)} are drawn." if len(ranked) < len(entries) else ""
    return finish(figure, f"Comparison by {metric}", subtitle, cut)


def _ranked(entries: Sequence[Compared], higher_is_better: bool | None) -> list[Compared]:
    """Return the entries from best to worst, those without a value last."""
    if higher_is_better is None:
        return list(entries)
    sign = -1.0 if higher_is_better else 1.0
    return sorted(entries, key=lambda e: (e.value is None, 0.0 if e.value is None else sign * e.value))


def _entry(axes: Axes, at: int, entry: Compared) -> None:
    colour = BLUE if entry.emphasis else GREY
    if entry.value is None:
        axes.text(
            0.01,
            at,
            legible(f"{DASH} {entry.reason or ''}"),
            transform=axes.get_yaxis_transform(),
            va="center",
            color=VERMILION,
            fontsize=9,
        )
        return
    if entry.low is not None and entry.high is not None:
        axes.hlines(at, entry.low, entry.high, color=colour, lw=2.2)
    axes.plot(entry.value, at, "o" if entry.emphasis else "s", color=colour, ms=8 if entry.emphasis else 6.5, zorder=3)


def _values(axes: Axes, entries: Sequence[Compared]) -> None:
    """Write each value at the right, where no dot lies."""
    axes.tick_params(axis="y", length=0)
    right = axes.secondary_yaxis("right")
    told = [with_interval(e) if e.value is not None else "" for e in entries]
    right.set_yticks(range(len(entries)), told)
    right.tick_params(length=0, labelsize=9)
    right.spines[:].set_visible(False)
