"""Which classes are taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLACK,
    bold,
    finish,
    first_panels,
    legible,
    legible_names,
    new_figure,
    panels,
    styled,
)
from scitrain.figures.panels import ClassTarget
from scitrain.figures.words import columns, count, joined, shorten

__all__ = ["confusion_matrix", "counted", "most_confused"]

MOST_CLASSES = 30
COLOURS = "Blues"
LETTERS_AN_INCH = 11
"""Letters of a tick label that fit on an inch; a longer label is turned upright, so that none covers its neighbour."""


@styled
def confusion_matrix(targets: Sequence[ClassTarget], split: str = "test") -> Figure:
    """Draw counts of true and predicted classes, coloured by the share of the true class.

    Args:
        targets: One panel each, at most `PANELS`. Of more than `MOST_CLASSES` classes the most confused are drawn.
        split: Name of the rows' split.
    """
    if len(targets) > 1:
        return _several(targets, split)
    target = targets[0]
    table = counted(target.y, target.predicted, len(target.classes))
    shown = most_confused(table, MOST_CLASSES)
    side = float(np.clip(2.4 + 0.32 * len(shown), 4.4, 9.0))
    names = legible_names([target.classes[i] for i in shown], 24 if len(shown) <= 12 else 18)
    reach = 0.085 * max(columns(name) for name in names)
    figure = new_figure(max(7.0, side + reach + 0.6), max(5.0, side + min(reach, 1.6)))
    axes = figure.add_subplot()
    _panel(axes, table[np.ix_(shown, shown)], table[shown].sum(axis=1), names, side)
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=axes, shrink=0.8, aspect=28)
    bar.set_label("share of the true class")
    told = joined(target.score, f"n = {count(len(target.y))} {split} rows")
    return finish(figure, f"Confusion matrix of {target.name}", told, _cut(len(shown), table))


def _several(targets: Sequence[ClassTarget], split: str) -> Figure:
    chosen, cut = first_panels([t.name for t in targets], [len(t.y) for t in targets])
    figure, axes = panels(len(chosen), each=(3.4, 3.4))
    for at, i in zip(axes, chosen, strict=True):
        target = targets[i]
        table = counted(target.y, target.predicted, len(target.classes))
        shown = most_confused(table, MOST_CLASSES // 3)
        names = legible_names([target.classes[k] for k in shown], 12)
        _panel(at, table[np.ix_(shown, shown)], table[shown].sum(axis=1), names, 2.2)
        name = f"{shorten(target.name, 30)}, n = {count(len(target.y))}"
        at.set_title(legible(name), loc="left", fontsize=9.5, **bold(name))
    return finish(
        figure, f"Confusion matrices, {split} rows", "Counts; the colour is the share of the true class.", cut
    )


def _cut(shown: int, table: np.ndarray) -> str:
    if shown == len(table):
        return ""
    return f"{shown} of {len(table)} classes are drawn, those most often confused; shares are of all rows of a class."


def counted(y: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Return how often each class (row) was taken for each (column), int (classes, classes)."""
    cells = np.bincount(y.astype(int) * n_classes + predicted.astype(int), minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def most_confused(table: np.ndarray, most: int) -> np.ndarray:
    """Return the classes that take part in the most errors, (≤ most,), in their own order."""
    if len(table) <= most:
        return np.arange(len(table))
    errors = table.sum(axis=0) + table.sum(axis=1) - 2 * np.diag(table)
    return np.sort(np.argsort(-errors, kind="stable")[:most])


def _panel(axes: Axes, table: np.ndarray, totals: np.ndarray, names: Sequence[str], side: float) -> None:
    """Draw counts; ``side`` is the length of the matrix in inches."""
    n = len(table)
    share = np.divide(table, totals[:, None], out=np.zeros(table.shape), where=totals[:, None] > 0)
    axes.imshow(share, cmap=COLOURS, vmin=0, vmax=1)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    upright = n > 6 or max(columns(name) for name in names) > LETTERS_AN_INCH * side / n
    axes.set_xticks(range(n), names, rotation=90 if upright else 0)
    axes.set_yticks(range(n), names)
    axes.set(xlabel="predicted class", ylabel="true class")
    points = 72 * side / n
    size = float(np.clip(min(0.42 * points, 1.2 * points / len(count(int(table.max())))), 4.5, 11))
    for i, j in zip(*np.nonzero(table), strict=True):
        colour = "white" if share[i, j] > 0.55 else BLACK
        axes.text(j, i, count(int(table[i, j])), ha="center", va="center", color=colour, fontsize=size)
