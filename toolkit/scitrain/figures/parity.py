"""Predicted against measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLUE,
    GREY,
    VERMILION,
    axis_name,
    common_legend,
    finish,
    first_panels,
    legible,
    panels,
    styled,
    thinned,
)
from scitrain.figures.panels import NumericTarget
from scitrain.figures.words import count, joined, percent

__all__ = ["parity"]

MOST_POINTS = 3_000
MOST_BARS = 1_500
"""Rows beyond which the bars of the intervals would be one grey cloud."""


@styled
def parity(targets: Sequence[NumericTarget], split: str = "test") -> Figure:
    """Draw predictions against measured values with their intervals; rows outside the training domain are marked.

    Args:
        targets: One panel each, at most `PANELS`.
        split: Name of the rows' split.
    """
    chosen, cut = first_panels([t.name for t in targets], [len(t.y) for t in targets])
    figure, axes = panels(len(chosen), single=(7.0, 6.2), each=(3.7, 3.9))
    notes = [cut]
    for at, i in zip(axes, chosen, strict=True):
        notes.append(_panel(at, targets[i], alone=len(chosen) == 1))
    common_legend(figure)
    if len(chosen) == 1:
        return finish(
            figure, f"Predicted and measured {targets[0].name}", _told(targets[0], split), " ".join(filter(None, notes))
        )
    return finish(figure, f"Predicted and measured, {split} rows", "", " ".join(dict.fromkeys(filter(None, notes))))


def _told(target: NumericTarget, split: str) -> str:
    return joined(target.score, f"n = {count(len(target.y))} {split} rows")


def _panel(axes: Axes, target: NumericTarget, alone: bool) -> str:
    rows = thinned(len(target.y), MOST_POINTS)
    y, prediction = target.y[rows], target.prediction[rows]
    low, high = _limits(y, prediction, *(ends[rows] for ends in (target.low, target.high) if ends is not None))
    axes.plot([low, high], [low, high], color=GREY, lw=1.2, label="predicted = measured")
    bars = _bars(axes, target, rows[: len(rows) if len(rows) <= MOST_BARS else 0])
    _points(axes, y, prediction, None if target.inside is None else target.inside[rows])
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel(axis_name(target.name, target.unit, 46 if alone else 28, "measured"))
    axes.set_ylabel(axis_name(target.name, target.unit, 46 if alone else 28, "predicted"))
    if not alone:
        axes.set_title(
            legible(f"{target.score}\nn = {count(len(target.y))}").replace(" n = ", "\nn = "), loc="left", fontsize=9.5
        )
    drawn = "" if len(rows) == len(target.y) else f"{count(len(rows))} rows chosen at random are drawn."
    return drawn if bars or target.low is None else f"{drawn} Intervals are left out: too many rows."


def _limits(*values: np.ndarray) -> tuple[float, float]:
    """Return ends of both axes that hold all points, and nine of ten ends of intervals."""
    points, ends = np.concatenate(values[:2]), np.concatenate([values[0], *values[2:]])
    low = min(points.min(), np.nanquantile(ends, 0.05))
    high = max(points.max(), np.nanquantile(ends, 0.95))
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _bars(axes: Axes, target: NumericTarget, rows: np.ndarray) -> bool:
    """Draw the intervals as thin bars; returns whether there were any."""
    if target.low is None or target.high is None or not len(rows):
        return False
    low, high = target.low[rows], target.high[rows]
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return False
    label = "prediction interval" if target.coverage is None else f"{percent(target.coverage)} interval"
    alpha = float(np.clip(60 / len(rows), 0.12, 0.45))
    axes.vlines(target.y[rows][known], low[known], high[known], color=BLUE, alpha=alpha, lw=1.0, label=label)
    return True


def _points(axes: Axes, y: np.ndarray, prediction: np.ndarray, inside: np.ndarray | None) -> None:
    size = float(np.clip(4_000 / len(y), 6, 24))
    within = np.ones(len(y), bool) if inside is None else inside
    label = "row" if inside is None else "inside the training domain"
    axes.scatter(y[within], prediction[within], s=size, color=BLUE, alpha=0.75, lw=0, label=label, zorder=3)
    if not within.all():
        look: dict[str, Any] = {
            "marker": "D",
            "facecolors": "none",
            "edgecolors": VERMILION,
            "linewidths": 1.1 if len(y) < 500 else 0.7,
        }
        axes.scatter(y[~within], prediction[~within], s=size * 1.1, label="outside it", zorder=4, **look)
