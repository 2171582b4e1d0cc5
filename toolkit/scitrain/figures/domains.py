"""Features of two domains in the plane, before and after one was adapted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, VERMILION, common_legend, finish, legible_names, new_figure, styled

__all__ = ["Plane", "domains_apart"]


@dataclass(frozen=True)
class Plane:
    """Rows of both domains as one network sees them."""

    title: str
    source: np.ndarray
    """(n, 2)"""
    target: np.ndarray
    """(m, 2)"""
    axes_names: tuple[str, str]


@styled
def domains_apart(planes: Sequence[Plane], names: tuple[str, str], subtitle: str = "") -> Figure:
    """Draw source rows as blue discs and target rows as vermilion triangles, a panel a network.

    Args:
        planes: Networks in the order drawn.
        names: Of source and target.
        subtitle: Words under the title.
    """
    figure = new_figure(4.6 * len(planes), 4.9)
    panels = np.atleast_1d(figure.subplots(1, len(planes)))
    source, target = legible_names(list(names), 40)
    for axes, plane in zip(panels, planes, strict=True):
        axes.plot(*plane.source.T, "o", color=BLUE, ms=4.5, alpha=0.55, mew=0, label=f"source: {source}")
        axes.plot(*plane.target.T, "^", color=VERMILION, ms=5, alpha=0.55, mew=0, label=f"target: {target}")
        axes.set(xlabel=plane.axes_names[0], ylabel=plane.axes_names[1], title=plane.title)
        axes.margins(0.06)
    common_legend(figure)
    note = "Axes differ from panel to panel; rows of the target without their labels."
    return finish(figure, "Features of both domains", subtitle, note)
