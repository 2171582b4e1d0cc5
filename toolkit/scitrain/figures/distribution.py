"""How a target is distributed in each split."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from scitrain.figures._style import CYCLE, LINES, axis_name, finish, legible_names, new_figure, styled
from scitrain.figures.words import count

__all__ = ["distribution"]

MOST_CLASSES = 30


@styled
def distribution(
    values: Mapping[str, np.ndarray], name: str, unit: str | None = None, classes: Sequence[str] | None = None
) -> Figure:
    """Draw the share of rows by value or class, a curve or bar for each split.

    Args:
        values: By split, (n,) numbers or class indices; NaN (no label) is left out.
        name: Name of the target.
        unit: Its unit, for numbers.
        classes: Labels by class index; None for numbers.
    """
    known = {split: found[~np.isnan(found)] for split, y in values.items() if len(found := np.asarray(y, dtype=float))}
    known = {split: y for split, y in known.items() if len(y)}
    draw = _numbers if classes is None else _bars
    return draw(known, name, unit, classes or ())


def _numbers(known: Mapping[str, np.ndarray], name: str, unit: str | None, _: Sequence[str]) -> Figure:
    figure = new_figure(7.0, 4.6)
    axes = figure.add_subplot()
    every = np.concatenate(list(known.values())) if known else np.zeros(1)
    low, high = float(every.min()), float(every.max())
    margin = 0.0 if high > low else 0.5
    edges = np.linspace(low - margin, high + margin, int(np.clip(np.sqrt(len(every)), 10, 40)) + 1)
    for (split, y), colour, line in zip(known.items(), CYCLE, LINES, strict=False):
        share = np.histogram(y, edges)[0] / len(y)
        axes.stairs(100 * share, edges, color=colour, ls=line, lw=2, label=f"{split} (n = {count(len(y))})")
        axes.plot(np.median(y), 0, "^", color=colour, ms=9, clip_on=False, zorder=4)
    axes.set(ylabel="share of the split (%)", xlabel=axis_name(name, unit))
    axes.set_ylim(bottom=0)
    if known:
        axes.legend()
    return finish(figure, f"Distribution of {name} by split", "Triangles mark the medians.")


def _bars(known: Mapping[str, np.ndarray], name: str, unit: str | None, classes: Sequence[str]) -> Figure:
    rows = sum(
        (np.bincount(y.astype(int), minlength=len(classes)) for y in known.values()), np.zeros(len(classes), int)
    )
    shown = np.sort(np.argsort(-rows, kind="stable")[:MOST_CLASSES])
    names = legible_names([classes[k] for k in shown], 26)
    figure = new_figure(7.0, float(np.clip(2.2 + 0.36 * len(shown), 3.2, 12)))
    axes = figure.add_subplot()
    thick = 0.8 / max(len(known), 1)
    for i, ((split, y), colour) in enumerate(zip(known.items(), CYCLE, strict=False)):
        share = np.bincount(y.astype(int), minlength=len(classes))[shown] / len(y)
        at = np.arange(len(shown)) + (i - (len(known) - 1) / 2) * thick
        axes.barh(at, 100 * share, thick, color=colour, label=f"{split} (n = {count(len(y))})")
    axes.set_yticks(range(len(shown)), names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="share of the split (%)")
    if known:
        axes.legend()
    cut = f"{len(shown)} of {len(classes)} classes are drawn, the most frequent." if len(shown) < len(classes) else ""
    return finish(figure, f"Classes of {name} by split", "", cut)
