"""All trials as lines through their parameters."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from pydantic import JsonValue

from scitrain.figures._search import Axis, SearchData, Tried, read_search
from scitrain.figures._style import GREY, VERMILION, finish, legible, new_figure, styled
from scitrain.figures.words import number, shorten, wrap

__all__ = ["search_parallel"]

COLOURS = "cividis"
"""Told apart with every colour blindness, and in grey: dark is a low error."""
BENT = 0.12
"""Part of the way on which a line leaves its parameter level, so that lines can be followed through it."""
TICKS = 3


@styled
def search_parallel(told: Mapping[str, JsonValue]) -> Figure:
    """Draw each complete trial as a line through its parameters, coloured by its error, the best emphasised.

    Args:
        told: Content of ``results/optuna_trials.json``.
    """
    data = read_search(told)
    done = sorted(data.done(), key=lambda trial: -_error(trial))
    errors = np.array([_error(trial) for trial in done])
    figure = new_figure(float(np.clip(1.35 * len(data.axes) + 1.6, 7.0, 13)), 5.0)
    axes = figure.add_subplot()
    # A quarter of the trials is the worst: they share a colour, so that the good ones differ.
    norm = Normalize(errors.min(), max(float(np.quantile(errors, 0.75)), errors.min() + 1e-12))
    for trial, error in zip(done, errors, strict=True):
        best = trial.number == data.best
        places = [axis.at(trial.parameters[axis.name]) for axis in data.axes]
        colour = VERMILION if best else colormaps[COLOURS](norm(error))
        axes.plot(
            *_path(places), color=colour, lw=2.6 if best else 1.2, alpha=1.0 if best else 0.75, zorder=3 if best else 2
        )
    for place, axis in enumerate(data.axes):
        _upright(axes, place, axis)
    _names(axes, data)
    bar = figure.colorbar(ScalarMappable(norm, COLOURS), ax=axes, pad=0.02, aspect=30, extend="max")
    bar.set_label(data.label(0))
    bar.ax.ticklabel_format(axis="y", useOffset=False)
    title = "Parameters of the trials"
    return finish(figure, title, f"{len(done)} complete trials · the best (trial {data.best}) in red")


def _error(trial: Tried) -> float:
    return (trial.values or (np.nan,))[0]


def _path(places: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return a line through the places that is level where it crosses an upright."""
    if len(places) == 1:
        return np.array([-BENT, BENT]), np.array([places[0]] * 2)
    steps = np.linspace(0, 1, 24)
    smooth = steps**2 * (3 - 2 * steps)
    x = np.concatenate([i + steps for i in range(len(places) - 1)])
    y = np.concatenate([a + (b - a) * smooth for a, b in pairwise(places)])
    return x, y


def _upright(axes: Axes, place: int, axis: Axis) -> None:
    """Draw the upright of a parameter with its ends, or its choices."""
    axes.axvline(place, color=GREY, lw=1.2, zorder=1)
    told = [(axis.at(c), shorten(_words(c), 18)) for c in axis.choices] or _ends(axis)
    for at, words in told:
        axes.text(
            place,
            at,
            legible(words),
            fontsize=8.5,
            ha="center",
            va="center",
            zorder=4,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )


def _words(choice: JsonValue) -> str:
    return ", ".join(map(str, choice)) if isinstance(choice, list) else str(choice)


def _ends(axis: Axis) -> list[tuple[float, str]]:
    middle = (axis.low * axis.high) ** 0.5 if axis.log else (axis.low + axis.high) / 2
    return [(at, number(value, 2)) for at, value in ((0.0, axis.low), (0.5, middle), (1.0, axis.high))]


def _names(axes: Axes, data: SearchData) -> None:
    names = [wrap(axis.name.replace("_", " "), 13) + ("\n(log)" if axis.log else "") for axis in data.axes]
    axes.set_xticks(range(len(names)), ["\n".join(map(legible, name.splitlines())) for name in names])
    axes.set_yticks([])
    axes.set_xlim(-0.4, max(len(names) - 1, 0) + 0.4)
    axes.set_ylim(-0.06, 1.06)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0)
