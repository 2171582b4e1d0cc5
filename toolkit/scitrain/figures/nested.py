"""What the search of each fold chose, and that of all rows."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scitrain.figures._style import VERMILION, finish, legible, legible_names, new_figure, styled
from scitrain.figures.words import number, shorten

__all__ = ["nested"]

PALEST, DARKEST = 0.06, 0.62
"""Part of the colours that black text can be read on."""


@styled
def nested(told: Mapping[str, Any]) -> Figure:
    """Draw a row for each parameter and a column for each fold, then for all rows: the chosen value, darker the higher in its range.

    Args:
        told: Content of ``results/nested.json``.
    """
    names = list(told["space"])
    columns = [(f"fold {fold['fold']}", fold["parameters"]) for fold in told["folds"]]
    columns.append(("all rows", told["kept"]["parameters"]))
    figure = new_figure(
        float(np.clip(2.2 + 0.95 * len(columns), 7.0, 16)), float(np.clip(1.7 + 0.42 * len(names), 3.0, 12))
    )
    axes = figure.add_subplot()
    for row, name in enumerate(names):
        for column, (_, chosen) in enumerate(columns):
            if name in chosen:
                _cell(axes, (column, row), chosen[name], _place(told["space"][name], chosen[name]))
    axes.axvline(len(columns) - 1.5, color=VERMILION, lw=1.6)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [legible(head) for head, _ in columns])
    axes.set_yticks(range(len(names)), legible_names(names, 24))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    note = "Each fold was searched on its own training and validation rows; the last column is what is kept."
    return finish(
        figure,
        "What each search chose",
        "darker: higher in the range that was searched, or later among the choices",
        note,
    )


def _cell(axes: Axes, at: tuple[int, int], value: object, place: float) -> None:
    colour = colormaps["Blues"](PALEST + place * (DARKEST - PALEST))
    axes.add_patch(Rectangle((at[0] - 0.48, at[1] - 0.46), 0.96, 0.92, color=colour, lw=0))
    axes.text(*at, legible(shorten(_words(value), 13)), ha="center", va="center", fontsize=9)


def _words(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _place(space: Mapping[str, Any], value: Any) -> float:  # noqa: ANN401  # whatever a parameter holds
    """Return where in its range, or among its choices, a value lies, 0 to 1."""
    choices = space.get("choices")
    if choices:
        return choices.index(value) / max(len(choices) - 1, 1) if value in choices else 0.0
    low, high = space.get("low", 0.0), space["high"]
    if space.get("log"):
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
