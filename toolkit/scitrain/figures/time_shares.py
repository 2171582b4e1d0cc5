"""Where the time goes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    VERMILION,
    common_legend,
    finish,
    legible,
    new_figure,
    styled,
)
from scitrain.figures.words import number, percent

__all__ = ["time_shares"]

SKY = "#56B4E9"
COLOURS = {
    "data": ORANGE,
    "copy": SKY,
    "compute": BLUE,
    "overhead": VERMILION,
    "optimiser": GREEN,
    "judging": PALE,
}
SMALLEST_NAMED = 0.07


@styled
def time_shares(found: Mapping[str, Mapping[str, float]], subtitle: str) -> Figure:
    """Draw the shares of each situation as one bar.

    Args:
        found: Milliseconds by part, by situation.
        subtitle: Model and machine.
    """
    figure = new_figure(8.2, 1.9 + 0.62 * len(found))
    axes = figure.add_subplot()
    for place, parts in enumerate(found.values()):
        whole, start = sum(parts.values()) or 1.0, 0.0
        for name, taken in parts.items():
            share = taken / whole
            axes.barh(place, share, left=start, color=COLOURS[name], height=0.6, label=name)
            if share >= SMALLEST_NAMED:
                dark = name in {"compute", "overhead", "optimiser"}
                axes.text(
                    start + share / 2,
                    place,
                    percent(share, 0),
                    ha="center",
                    va="center",
                    color="white" if dark else "black",
                    fontsize=9,
                )
            start += share
    names = [f"{name}, {number(sum(parts.values()))} ms" for name, parts in found.items()]
    axes.set_yticks(np.arange(len(found)), [legible(name) for name in names])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the time")
    common_legend(figure, across=6)
    note = "data: features, reading, varying. overhead: what a call or a step costs whatever its rows. judging: intervals and domain."
    return finish(figure, "Where the time goes", subtitle, note)
