"""Single rows, explained by their largest parts."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import BLACK, BLUE, VERMILION, finish, legible, legible_names, new_figure, styled
from scitrain.figures.words import shorten

__all__ = ["explained_bars"]

MOST = 8


@styled
def explained_bars(titles: Sequence[str], rows: Sequence[Mapping[str, float]], axis: str, subtitle: str) -> Figure:
    """Draw the largest parts of each row, and the rest as one.

    Args:
        titles: Of the rows.
        rows: Attribution by part.
        axis: What an attribution is, with its unit.
        subtitle: Method.
    """
    across = min(2, len(rows))
    down = -(-len(rows) // across)
    figure = new_figure(5.2 * across, 2.6 * down + 0.9)
    for place, (title, parts) in enumerate(zip(titles, rows, strict=True)):
        axes = figure.add_subplot(down, across, place + 1)
        shown = _largest(parts)
        at = np.arange(len(shown))
        values = np.array(list(shown.values()))
        axes.barh(at, values, color=[VERMILION if value > 0 else BLUE for value in values], height=0.62)
        axes.set_yticks(at, legible_names(list(shown), 26))
        axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
        axes.axvline(0, color=BLACK, lw=0.8)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.set_title(legible(shorten(title, 52)), loc="left", fontsize=9.5)
        if place >= len(rows) - across:
            axes.set_xlabel(legible(axis))
    return finish(
        figure, "Why these predictions", subtitle, "Red raises the prediction, blue lowers it, against the baseline."
    )


def _largest(parts: Mapping[str, float]) -> dict[str, float]:
    order = sorted(parts, key=lambda name: -abs(parts[name]))
    shown = {name: parts[name] for name in order[:MOST]}
    if len(order) > MOST:
        shown[f"{len(order) - MOST} others"] = sum(parts[name] for name in order[MOST:])
    return shown
