"""What the predictions miss, and whether that depends on the prediction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    axis_name,
    common_legend,
    finish,
    first_panels,
    legible,
    new_figure,
    panels,
    styled,
    thinned,
)
from scitrain.figures.panels import NumericTarget
from scitrain.figures.words import count, joined, number, with_unit

__all__ = ["residuals", "running_quantiles"]

MOST_POINTS = 3_000
FEWEST_FOR_SPREAD = 20


@styled
def residuals(targets: Sequence[NumericTarget], split: str = "test") -> Figure:
    """Draw predicted − measured against the prediction, with its running median and the band of two thirds of the rows.

    Args:
        targets: One panel each, at most `PANELS`; a single target has the histogram of its residuals beside it.
        split: Name of the rows' split.
    """
    if len(targets) == 1:
        return _single(targets[0], split)
    chosen, cut = first_panels([t.name for t in targets], [len(t.y) for t in targets])
    figure, axes = panels(len(chosen))
    for at, i in zip(axes, chosen, strict=True):
        _panel(at, targets[i], 28)
        at.set_title(
            legible(f"mean {number(_bias(targets[i]), 2)}, n = {count(len(targets[i].y))}"), loc="left", fontsize=9.5
        )
    common_legend(figure)
    return finish(figure, f"Residuals, {split} rows", "", cut)


def _single(target: NumericTarget, split: str) -> Figure:
    figure = new_figure(7.0, 5.2)
    axes, side = figure.subplots(1, 2, sharey=True, width_ratios=(5, 1))
    note = _panel(axes, target, 46)
    common_legend(figure)
    reach = axes.get_ylim()[1]
    edges = np.linspace(-reach, reach, _bins(len(target.y)) + 1).tolist()
    side.hist(target.prediction - target.y, bins=edges, orientation="horizontal", color=BLUE, alpha=0.75)
    side.axhline(0, color=BLACK, lw=1)
    side.set_xlabel("rows")
    side.grid(visible=False, axis="y")
    bias = with_unit(number(_bias(target), 2), target.unit)
    told = joined(f"mean residual {bias}", target.score, f"n = {count(len(target.y))} {split} rows")
    return finish(figure, f"Residuals of {target.name}", told, note)


def _bias(target: NumericTarget) -> float:
    return float((target.prediction - target.y).mean())


def _bins(n: int) -> int:
    return int(np.clip(np.sqrt(n), 8, 40))


def _panel(axes: Axes, target: NumericTarget, most: int) -> str:
    rows = thinned(len(target.y), MOST_POINTS)
    apart = target.prediction - target.y
    axes.axhline(0, color=BLACK, lw=1)
    within = np.ones(len(rows), bool) if target.inside is None else target.inside[rows]
    size = float(np.clip(4_000 / len(rows), 6, 22))
    axes.scatter(target.prediction[rows][within], apart[rows][within], s=size, color=BLUE, alpha=0.6, lw=0, label="row")
    if not within.all():
        look: dict[str, Any] = {
            "marker": "D",
            "facecolors": "none",
            "edgecolors": VERMILION,
            "linewidths": 1.1 if len(rows) < 500 else 0.7,
        }
        axes.scatter(
            target.prediction[rows][~within], apart[rows][~within], s=size, label="outside the training domain", **look
        )
    if len(apart) >= FEWEST_FOR_SPREAD:
        middle, low, median, high = running_quantiles(target.prediction, apart)
        axes.fill_between(middle, low, high, color=ORANGE, alpha=0.25, lw=0, label="running middle 68 %")
        axes.plot(middle, median, color=ORANGE, lw=2, label="running median")
    reach = float(np.abs(apart).max()) * 1.08 or 1.0
    axes.set_ylim(-reach, reach)
    axes.set_xlabel(axis_name(target.name, target.unit, most, "predicted"))
    axes.set_ylabel(axis_name("predicted − measured", target.unit, most))
    axes.spines["bottom"].set_color(GREY)
    return (
        ""
        if len(rows) == len(target.y)
        else f"{count(len(rows))} rows chosen at random are drawn; curves and histogram are of all."
    )


def running_quantiles(
    x: np.ndarray, values: np.ndarray, windows: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return centres and the 16 %, 50 % and 84 % quantiles of ``values`` in windows of equally many rows along ``x``.

    Args:
        x: (n,)
        values: (n,)
        windows: Most windows; each holds an eighth of the rows, at least 10 and at most 2,000.

    Returns:
        Four arrays (windows,).
    """
    order = np.argsort(x, kind="stable")
    width = int(np.clip(len(x) // 8, min(10, len(x)), 2_000))
    starts = np.unique(np.linspace(0, len(x) - width, windows).astype(int))
    inside = [order[start : start + width] for start in starts]
    low, median, high = np.array([np.quantile(values[rows], (0.16, 0.5, 0.84)) for rows in inside]).T
    return np.array([np.median(x[rows]) for rows in inside]), low, median, high
