"""What was got against what was asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, PANELS, axis_name, common_legend, finish, panels, styled, thinned
from scitrain.figures.words import count, number

__all__ = ["AskedFor", "asked_and_got"]

MOST_POINTS = 3_000


class AskedFor(NamedTuple):
    """One property."""

    name: str
    unit: str
    asked: np.ndarray
    """(n,), NaN where nothing was asked."""
    got: np.ndarray
    """(n,), NaN where unknown."""


@styled
def asked_and_got(properties: Sequence[AskedFor], subtitle: str) -> Figure:
    """Draw a panel a property, at most `PANELS`: a point a candidate, on the line where it is as asked."""
    shown = properties[:PANELS]
    figure, axes = panels(len(shown), single=(6.6, 5.6), each=(3.7, 3.9))
    for at, one in zip(axes, shown, strict=True):
        _panel(at, one)
    common_legend(figure)
    cut = f"{PANELS} of {len(properties)} properties are drawn. " if len(properties) > PANELS else ""
    few = (
        f"At most {count(MOST_POINTS)} candidates are drawn."
        if any(len(one.got) > MOST_POINTS for one in shown)
        else ""
    )
    return finish(figure, "What was asked and what was got", subtitle, f"{cut}{few}".strip())


def _panel(axes: Axes, one: AskedFor) -> None:
    there = np.isfinite(one.asked) & np.isfinite(one.got)
    asked, got = one.asked[there], one.got[there]
    rows = thinned(len(got), MOST_POINTS)
    every = np.concatenate([asked, got]) if len(got) else np.zeros(1)
    ends = float(every.min()), float(every.max())
    axes.plot(ends, ends, color=GREY, lw=1.2, label="as asked")
    size, alpha = float(np.clip(4_000 / max(len(rows), 1), 6, 24)), float(np.clip(200 / max(len(rows), 1), 0.3, 0.8))
    axes.scatter(asked[rows], got[rows], s=size, alpha=alpha, lw=0, color=BLUE, label="candidate", zorder=3)
    name = one.name.replace("_", " ")
    axes.set_xlabel(axis_name(name, one.unit, 28, "asked"))
    axes.set_ylabel(axis_name(name, one.unit, 28, "got"))
    miss = number(float(np.abs(got - asked).mean())) if len(got) else number(None)
    axes.set_title(f"mean miss {miss}, n = {count(len(got))}", loc="left", fontsize=9.5)
