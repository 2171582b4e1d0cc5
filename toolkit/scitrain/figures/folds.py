"""The folds of a cross-validation beside one another, and what they say together."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from scitrain.figures._style import VERMILION, axis_name, finish, styled
from scitrain.figures.comparison import Compared, dots
from scitrain.figures.words import count

__all__ = ["folds"]


@styled
def folds(told: Mapping[str, Any], metric: Mapping[str, Any]) -> Figure:
    """Draw each fold and the pooled rows with their bootstrap intervals, the folds' mean with its corrected one.

    Args:
        told: Content of ``results/folds.json``.
        metric: The entry of it that is drawn.
    """
    runs = told["runs"]
    entries = [
        Compared(f"fold {one['fold']} (n = {count(one['test'])})", at["value"], at["low"], at["high"], "not defined")
        for one, at in zip(runs, metric["folds"], strict=True)
    ]
    pooled = (metric["pooled"], metric["pooled_low"], metric["pooled_high"], metric["reason"])
    over = (metric["mean"], metric["low"], metric["high"], metric["reason"])
    entries.append(Compared(f"pooled rows (n = {count(metric['n'])})", *pooled, emphasis=True))
    entries.append(Compared("mean of the folds, corrected t", *over, emphasis=True))
    figure, axes = dots(entries)
    axes.axhline(len(runs) - 0.5, color=VERMILION, lw=1.0, ls=":")
    better = {True: ", higher is better", False: ", lower is better", None: ""}[metric["higher_is_better"]]
    axes.set_xlabel(axis_name(metric["title"], metric["unit"], 60) + better)
    of = metric["target"] or "mean over the targets"
    note = "Bootstrap: other rows, the same networks. Corrected t: other rows to learn from too (Nadeau & Bengio 2003)."
    return finish(
        figure,
        f"{len(runs)} folds by {metric['title']}",
        f"{of} · each row predicted by a network that had not seen it",
        note,
    )
