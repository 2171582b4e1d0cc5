"""Rows as points in a plane, coloured by a number."""

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import GREY, finish, legible, new_figure, styled

__all__ = ["embedding_map"]


@styled
def embedding_map(at: np.ndarray, values: np.ndarray, name: str, subtitle: str, note: str) -> Figure:
    """Draw each row by its place and colour.

    Args:
        at: (n, 2)
        values: (n,) what colours it; NaN is grey.
        name: What that is, with its unit.
        subtitle: Words under the title.
        note: How it is to be read.
    """
    figure = new_figure(7.0, 5.8)
    axes = figure.add_subplot()
    there = np.isfinite(values)
    axes.plot(*at[~there].T, "o", color=GREY, ms=3, alpha=0.4, mew=0)
    low, high = np.nanquantile(values, [0.02, 0.98]) if there.any() else (0.0, 1.0)
    x, y = at[there].T
    drawn = axes.scatter(x, y, c=values[there], s=12, cmap="viridis", vmin=low, vmax=high, linewidths=0)
    figure.colorbar(drawn, ax=axes, extend="both").set_label(legible(name))
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.margins(0.04)
    return finish(figure, "Held-out rows as the network sees them", subtitle, note)
