"""Images beside maps of what in them mattered."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._signed import KEY, SIGNED, largest
from scitrain.figures._style import finish, grid_of, legible, new_figure, styled
from scitrain.figures.words import wrap

__all__ = ["explained_images"]

OWN = "Red marks what speaks for the class; each map has a scale of its own."


@styled
def explained_images(
    titles: Sequence[str], images: Sequence[np.ndarray], maps: Sequence[np.ndarray], subtitle: str, alike: bool = True
) -> Figure:
    """Draw each image, and its map laid over it.

    Args:
        titles: Of the images.
        images: (channels, height, width) in 0…1.
        maps: Attributions (height, width).
        subtitle: Method.
        alike: Whether colours mean the same in all panels; maps without a unit have a scale each.
    """
    across, down = grid_of(len(images))
    figure = new_figure(max(3.3 * across, 5.6), 2.2 * down + 1.0)
    grid = figure.subplots(down, 2 * across, squeeze=False).reshape(-1, 2)
    most = largest(maps)
    for axes in grid.ravel():
        axes.set_axis_off()
    for (left, right), title, image, found in zip(grid, titles, images, maps, strict=False):  # empty places at the end
        _picture(left, image, 1.0)
        _picture(right, image, 0.35)
        most = most if alike else largest([found])
        right.imshow(found, cmap=SIGNED, vmin=-most, vmax=most, alpha=np.clip(np.abs(found) / most, 0.15, 0.9))
        left.set_title(legible("\n".join(wrap(title, 40).splitlines()[:1])), fontsize=8.5, loc="left")
    return finish(figure, "Why these predictions", subtitle, KEY if alike else OWN)


def _picture(axes: Axes, image: np.ndarray, alpha: float) -> None:
    shown = np.clip(image, 0, 1).transpose(1, 2, 0)
    axes.imshow(shown[..., 0] if shown.shape[2] == 1 else shown[..., :3], cmap="gray", vmin=0, vmax=1, alpha=alpha)
