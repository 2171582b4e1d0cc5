"""What a network sees of a few training rows while they are varied."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, finish, new_figure, styled
from scitrain.figures.words import count

__all__ = ["augmentations"]


@styled
def augmentations(rows: np.ndarray, variants: Sequence[np.ndarray], names: Sequence[str]) -> Figure:
    """Draw rows as they are at the left, and variants of each beside them.

    Args:
        rows: (k, channels, height, width) images in 0…1, or (k, channels, length) series.
        variants: Arrays of the same shape, one a column.
        names: The ways in which they were varied.
    """
    pictures = rows.ndim == 4
    across = 1 + len(variants)
    figure = new_figure(1.5 * across if pictures else 2.1 * across, 1.5 * len(rows) + 0.9)
    grid = figure.subplots(len(rows), across, squeeze=False, sharey="row" if not pictures else "none")
    for number, row in enumerate(rows):
        for place, shown in enumerate([row, *(variant[number] for variant in variants)]):
            axes = grid[number, place]
            (_picture if pictures else _curve)(axes, shown, row, place == 0)
            if number == 0:
                axes.set_title("as it is" if place == 0 else f"variant {place}", fontsize=9)
    note = (
        ""
        if pictures
        else "Blue is what the network sees of the first channel, grey the row as it is; in deviations of the channel."
    )
    return finish(
        figure, "Varied training rows", f"{', '.join(names)} · {count(float(len(rows)))} of the training rows", note
    )


def _picture(axes: Axes, shown: np.ndarray, _: np.ndarray, first: bool) -> None:
    picture = np.clip(shown, 0, 1).transpose(1, 2, 0)
    axes.imshow(picture[..., 0] if picture.shape[2] == 1 else picture[..., :3], cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()


def _curve(axes: Axes, shown: np.ndarray, row: np.ndarray, first: bool) -> None:
    if not first:
        axes.plot(row[0], color=GREY, lw=0.8)
    axes.plot(shown[0], color=BLUE, lw=1.2)
    axes.tick_params(labelsize=7)
