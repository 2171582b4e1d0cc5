"""Spectra and time series above what in them mattered."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import BLACK, BLUE, GREY, VERMILION, finish, legible, new_figure, styled
from scitrain.figures.words import shorten

__all__ = ["explained_series"]


@styled
def explained_series(
    titles: Sequence[str],
    places: Sequence[str],
    curves: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    axis: str,
    subtitle: str,
) -> Figure:
    """Draw the attributions of each row along its axis, with the row behind them.

    Args:
        titles: Of the rows.
        places: Names of the points; numbers are drawn to scale.
        curves: (length,) values of each row, in the standard deviations of the model's input.
        found: (length,) attributions of each row.
        axis: What an attribution is, with its unit.
        subtitle: Method.
    """
    across = min(2, len(titles))
    down = -(-len(titles) // across)
    figure = new_figure(5.0 * across, 2.3 * down + 0.9)
    at = _along(places)
    for place, (title, curve, values) in enumerate(zip(titles, curves, found, strict=True)):
        axes = figure.add_subplot(down, across, place + 1)
        behind = axes.twinx()
        behind.plot(at, curve, color=GREY, lw=1.0)
        behind.set_yticks([])
        behind.grid(visible=False)
        axes.set_zorder(behind.get_zorder() + 1)
        axes.patch.set_visible(False)
        axes.fill_between(at, 0, np.maximum(values, 0), color=VERMILION, alpha=0.75, step="mid", lw=0)
        axes.fill_between(at, 0, np.minimum(values, 0), color=BLUE, alpha=0.75, step="mid", lw=0)
        axes.axhline(0, color=BLACK, lw=0.6)
        axes.set_title(legible(shorten(title, 52)), loc="left", fontsize=9.5)
        axes.tick_params(labelsize=8)
        if place >= len(titles) - across:
            axes.set_xlabel("place along the axis", fontsize=8.5)
        if place % across == 0:
            axes.set_ylabel(legible(shorten(axis, 30)), fontsize=8.5)
    note = "Grey is the row itself, in an axis of its own. Red raises the prediction, blue lowers it, against the baseline."
    return finish(figure, "Why these predictions", subtitle, note)


def _along(places: Sequence[str]) -> np.ndarray:
    try:
        return np.array([float(place) for place in places])
    except ValueError:
        return np.arange(1.0, len(places) + 1)
