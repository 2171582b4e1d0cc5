"""Which features matter over many rows."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import BLACK, BLUE, finish, legible, legible_names, new_figure, styled
from scitrain.figures.words import percent

__all__ = ["importance"]

MOST = 15
Bar = tuple[str, float, float | None, float | None, float]
"""Feature, value, ends of its interval, share."""


@styled
def importance(bars: Sequence[Bar], axis: str, subtitle: str, note: str = "") -> Figure:
    """Draw the largest values with their intervals, the largest at the top.

    Args:
        bars: The largest first.
        axis: What a value is, with its unit.
        subtitle: Method and rows.
        note: How it is to be read.
    """
    shown = bars[:MOST]
    figure = new_figure(7.0, float(np.clip(1.9 + 0.36 * len(shown), 2.6, 10)))
    axes = figure.add_subplot()
    at = np.arange(len(shown))
    values = np.array([bar[1] for bar in shown])
    axes.barh(at, values, color=BLUE, height=0.62)
    for place, (_, value, low, high, share) in enumerate(shown):
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=BLACK, lw=1.2)
        end = max(value, 0.0 if high is None else high, 0.0)
        axes.annotate(percent(share, 0), (end, place), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(at, legible_names([bar[0] for bar in shown], 40))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.axvline(0, color=BLACK, lw=0.8)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(legible(axis))
    return finish(figure, "What matters to the model", subtitle, note)
