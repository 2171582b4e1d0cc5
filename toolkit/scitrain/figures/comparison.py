"""Runs, or a network and its baselines, beside one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, VERMILION, axis_name, finish, legible, legible_names, new_figure, styled
from scitrain.figures.words import DASH, joined, with_interval

__all__ = ["Compared", "comparison", "differences", "dots"]

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
    figure, axes = dots(_ranked(entries, higher_is_better))
    better = {True: ", higher is better", False: ", lower is better", None: ""}[higher_is_better]
    axes.set_xlabel(axis_name(metric, unit, 60) + better)
    return finish(figure, f"Comparison by {metric}", subtitle, _cut(len(entries)))


@styled
def differences(
    entries: Sequence[Compared], metric: str, unit: str | None = "", best: str = "", subtitle: str = ""
) -> Figure:
    """Draw how much ``best`` improves on each entry, with its interval, beside the line of no difference."""
    figure, axes = dots(entries)
    axes.axvline(0, color=VERMILION, lw=1.2, ls="--", zorder=1)
    axes.set_xlabel(axis_name(f"improvement in {metric}", unit, 60))
    told = "Paired on the rows that both were tested on; right of the line the best is better."
    named = joined(f"best: {legible(best)}" if best else "", subtitle)
    return finish(figure, "The best run against each other one", named, f"{told} {_cut(len(entries))}")


def dots(entries: Sequence[Compared]) -> tuple[Figure, Axes]:
    """Draw a row for each of the first entries."""
    shown = entries[:MOST_ROWS]
    figure = new_figure(7.0, float(np.clip(1.6 + 0.36 * len(shown), 2.6, 12)))
    axes = figure.add_subplot()
    for at, entry in enumerate(shown):
        _entry(axes, at, entry)
    axes.set_yticks(range(len(shown)), legible_names([entry.label for entry in shown], 40))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.grid(visible=False, axis="y")
    _values(axes, shown)
    return figure, axes


def _cut(n: int) -> str:
    return f"{MOST_ROWS} of {n} are drawn." if n > MOST_ROWS else ""


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
