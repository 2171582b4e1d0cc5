"""Where in images it matters, over many of them."""

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import finish, legible, new_figure, styled

__all__ = ["importance_map"]


@styled
def importance_map(found: np.ndarray, size: tuple[int, int], axis: str, subtitle: str, note: str) -> Figure:
    """Draw the value of each region at its place.

    Args:
        found: (down, across) values of the regions.
        size: Height and width of the images, in pixels.
        axis: What a value is, with its unit.
        subtitle: Method and rows.
        note: How it is to be read.
    """
    height, width = size
    figure = new_figure(6.4, float(np.clip(5.2 * height / max(width, 1), 2.5, 8)) + 1.2)
    axes = figure.add_subplot()
    shown = axes.imshow(found, cmap="cividis", vmin=0, extent=(0, width, height, 0), aspect="equal")
    axes.grid(visible=False)
    axes.set_xlabel("column (pixels)")
    axes.set_ylabel("row (pixels)")
    figure.colorbar(shown, ax=axes, shrink=0.85).set_label(legible(axis))
    return finish(figure, "What matters to the model", subtitle, note)
