"""Which parameters made the difference."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from pydantic import JsonValue

from scitrain.figures._search import read_search
from scitrain.figures._style import BLUE, finish, legible_names, new_figure, styled
from scitrain.figures.words import joined, percent

__all__ = ["search_importance"]


@styled
def search_importance(told: Mapping[str, JsonValue]) -> Figure:
    """Draw the share of the error's variance that each parameter explains, the largest at the top.

    Args:
        told: Content of ``results/optuna_trials.json``, with ``importance``.
    """
    data = read_search(told)
    shares = data.importance or {}
    figure = new_figure(7.0, float(np.clip(1.7 + 0.36 * len(shares), 2.4, 10)))
    axes = figure.add_subplot()
    at = np.arange(len(shares))
    axes.barh(at, list(shares.values()), color=BLUE, height=0.62)
    for place, share in enumerate(shares.values()):
        axes.text(share, place, f" {percent(share, 0)}", va="center", fontsize=9.5)
    axes.set_yticks(at, legible_names(list(shares), 40))
    axes.set_ylim(len(shares) - 0.4, -0.6)
    axes.set_xlim(0, max(shares.values(), default=1) * 1.12)
    axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the variance of the error over the search space")
    n = len(data.done())
    return finish(figure, "What made the difference", joined(data.titles[0], f"fANOVA of {n} complete trials"))
