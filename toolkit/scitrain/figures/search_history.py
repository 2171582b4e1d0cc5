"""What each trial of a search came to."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import JsonValue

from scitrain.figures._search import SearchData, read_search
from scitrain.figures._style import BLUE, GREY, ORANGE, VERMILION, common_legend, finish, new_figure, styled
from scitrain.figures.words import joined, number, with_unit

__all__ = ["search_history"]

SHOWN_SPREAD = 3.0
"""Values beyond so many times the middle half's width above the best half are drawn at the upper edge."""


@styled
def search_history(told: Mapping[str, JsonValue]) -> Figure:
    """Draw each goal over the trials: complete, given up and failed ones, and the best so far.

    Args:
        told: Content of ``results/optuna_trials.json``.
    """
    data = read_search(told)
    goals = len(data.titles)
    figure = new_figure(7.0, 4.6 if goals == 1 else 6.4)
    axes = figure.subplots(goals, 1, sharex=True, squeeze=False)[:, 0]
    cut = [_draw(panel, data, goal) for goal, panel in enumerate(axes)]
    axes[-1].set_xlabel("trial")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    common_legend(figure, 5)
    best = next(trial for trial in data.trials if trial.number == data.best)
    note = "Values above the upper edge are drawn on it." if any(cut) else ""
    said = with_unit(number((best.values or (np.nan,))[0]), data.units[0])
    return finish(figure, "History of the search", joined(data.told(), f"best {said} in trial {data.best}"), note)


def _draw(axes: Axes, data: SearchData, goal: int) -> bool:
    """Draw one goal; tells whether some values were drawn at the upper edge."""
    done = data.done()
    x = np.array([trial.number for trial in done])
    y = np.array([(trial.values or ())[goal] for trial in done])
    top = _top(y)
    pruned = [t for t in data.trials if t.state == "pruned" and t.reported] if goal == 0 else []
    if pruned:
        last = np.array([trial.reported[-1] for trial in pruned])
        numbers = [trial.number for trial in pruned]
        axes.plot(
            numbers, np.minimum(last, top), "D", mfc="white", mec=ORANGE, ms=5, label="given up (last value reported)"
        )
    axes.plot(x, np.minimum(y, top), "o", color=BLUE, ms=5, label="complete")
    so_far = np.minimum(np.minimum.accumulate(y), top)
    axes.step(
        [*x, data.trials[-1].number], [*so_far, so_far[-1]], where="post", color=GREY, lw=1.6, label="best so far"
    )
    failed = [trial.number for trial in data.trials if trial.state == "failed"]
    if failed:
        at = axes.get_xaxis_transform()
        axes.plot(
            failed,
            np.full(len(failed), 0.02),
            "x",
            color=VERMILION,
            ms=7,
            mew=1.8,
            transform=at,
            label="failed",
            clip_on=False,
        )
    axes.set_ylabel(data.label(goal))
    return bool((y > top).any() or any(trial.reported[-1] > top for trial in pruned))


def _top(y: np.ndarray) -> float:
    """Return the highest value that is drawn where it lies: one absurd trial must not press the others together."""
    low, middle, high = np.quantile(y, (0.25, 0.5, 0.75))
    return float(max(high + SHOWN_SPREAD * max(high - low, middle - y.min()), y.min() * 1.0001))
