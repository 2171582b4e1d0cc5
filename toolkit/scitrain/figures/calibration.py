"""Do probabilities come true as often as they say, and do intervals hold the truth as often as asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator
from scipy.stats import binom

from scitrain.evaluation.calibration import CoveragePoint, ReliabilityPoint
from scitrain.evaluation.report import Calibration
from scitrain.figures._style import (
    BLUE,
    GREY,
    ORANGE,
    PALE,
    bold,
    common_legend,
    finish,
    first_panels,
    grid_of,
    legible,
    new_figure,
    styled,
)
from scitrain.figures.words import count, joined, shorten

__all__ = ["calibration"]


@styled
def calibration(
    curves: Sequence[Calibration],
    rows: Mapping[str, np.ndarray],
    scores: Mapping[str, str] | None = None,
    split: str = "test",
) -> Figure:
    """Draw the calibration of each target, at most `PANELS`.

    Classes: reliability with Wilson intervals over the histogram of the probabilities. Regression: observed against
    nominal coverage, of the raw spread and of conformal intervals, with the band that chance allows.

    Args:
        curves: As in ``results/metrics.json``; targets without any curve are left out.
        rows: By target, (n,) probabilities (of the positive class, or of the class predicted); for regression any
            (n,) array, which tells n.
        scores: By target, a headline such as the ECE in words.
        split: Name of the rows' split.
    """
    usable = [c for c in curves if c.reliability or c.raw or c.conformal]
    sizes = [len(rows.get(c.target, ())) for c in usable]
    chosen, cut = first_panels([c.target for c in usable], sizes)
    alone = len(chosen) == 1
    across, down = grid_of(len(chosen))
    tall = any(c.reliability for c in usable)
    single = (7.0, 5.8) if tall else (7.0, 6.0)
    figure = new_figure(*(single if alone else (3.5 * across + 0.4, (3.6 if tall else 3.3) * down + 1.1)))
    cells = figure.add_gridspec(down, across)
    for at, i in enumerate(chosen):
        title = "" if alone else usable[i].target
        _cell(figure, cells[at // across, at % across], usable[i], rows.get(usable[i].target, np.empty(0)), title)
    common_legend(figure)
    first = usable[chosen[0]].target
    n = f"n = {count(sizes[chosen[0]])} {split} rows"
    if alone:
        return finish(figure, f"Calibration of {first}", joined((scores or {}).get(first, ""), n), cut)
    return finish(figure, "Calibration", f"{split} rows", cut)


def _cell(figure: Figure, cell: SubplotSpec, curve: Calibration, values: np.ndarray, title: str) -> None:
    if curve.reliability:
        inner = cell.subgridspec(2, 1, height_ratios=(3.2, 1), hspace=0.02)
        upper = figure.add_subplot(inner[0])
        lower = figure.add_subplot(inner[1], sharex=upper)
        upper.tick_params(labelbottom=False)
        _reliability(upper, curve.reliability)
        lower.hist(values, bins=[i / 20 for i in range(21)], color=BLUE, alpha=0.75)
        lower.set(xlabel="predicted probability", ylabel="rows")
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    else:
        upper = figure.add_subplot(cell)
        _coverage(upper, curve, len(values))
    if title:
        upper.set_title(legible(shorten(title, 30)), loc="left", fontsize=9.5, **bold(title))


def _reliability(axes: Axes, points: Sequence[ReliabilityPoint]) -> None:
    x = np.array([p.confidence for p in points])
    y = np.array([p.frequency for p in points])
    reach = np.abs(np.array([[p.low for p in points], [p.high for p in points]]) - y)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="perfect calibration")
    look: dict[str, Any] = {"color": BLUE, "ms": 5, "lw": 1.5, "elinewidth": 1.2, "capsize": 2.5}
    axes.errorbar(x, y, yerr=reach, fmt="o-", label="observed, 95 % interval", **look)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="observed frequency")


def _coverage(axes: Axes, curve: Calibration, n: int) -> None:
    if n:
        levels = np.linspace(0.005, 0.995, 199)
        low, high = binom.interval(0.95, n, levels)
        axes.fill_between(levels, low / n, high / n, color=PALE, alpha=0.6, lw=0, label="chance alone, 95 %")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="as asked")
    _points(axes, curve.raw, (ORANGE, "s", "--"), "raw spread, as a Gaussian")
    _points(axes, curve.conformal, (BLUE, "o", "-"), "conformal intervals")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="nominal coverage", ylabel="observed coverage")


def _points(axes: Axes, points: Sequence[CoveragePoint], look: tuple[str, str, str], label: str) -> None:
    known = [(p.nominal, p.observed) for p in points if p.observed is not None]
    if known:
        colour, marker, line = look
        x, y = zip(*known, strict=True)
        axes.plot(x, y, color=colour, marker=marker, ls=line, ms=5, label=label)
