"""Two goals against one another."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from pydantic import JsonValue

from scitrain.figures._search import read_search
from scitrain.figures._style import BLUE, GREY, VERMILION, finish, log_scale, new_figure, styled
from scitrain.figures.words import joined

__all__ = ["search_pareto"]

WIDE_RATIO = 20.0
"""A goal that spans more than this ratio is drawn on a logarithmic axis."""


@styled
def search_pareto(told: Mapping[str, JsonValue]) -> Figure:
    """Draw every complete trial by its two goals, and the front that none beats in both.

    Args:
        told: Content of ``results/optuna_trials.json`` of a search with two objectives.
    """
    data = read_search(told)
    done = {trial.number: trial.values or () for trial in data.done()}
    front = np.array(sorted(done[n] for n in data.front))
    others = np.array([values for n, values in done.items() if n not in data.front]).reshape(-1, 2)
    figure = new_figure(7.0, 5.0)
    axes = figure.add_subplot()
    axes.plot(others[:, 1], others[:, 0], "o", color=GREY, alpha=0.6, ms=5, label="beaten")
    axes.step(front[::-1, 1], front[::-1, 0], where="post", color=BLUE, lw=1.4)
    axes.plot(front[:, 1], front[:, 0], "s", color=BLUE, ms=7, label="Pareto front")
    best = done[data.best]
    axes.plot(best[1], best[0], "o", ms=13, mfc="none", mec=VERMILION, mew=2, label=f"lowest error (trial {data.best})")
    for goal, axis in ((1, "x"), (0, "y")):
        values = [v[goal] for v in done.values()]
        if min(values) > 0 and max(values) / min(values) > WIDE_RATIO:
            log_scale(axes, axis)
    axes.set(xlabel=data.label(1), ylabel=data.label(0))
    axes.legend()
    return finish(figure, "Two objectives", joined(data.told(), f"{len(front)} on the front"))
