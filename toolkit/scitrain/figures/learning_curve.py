"""Loss and learning rate by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import JsonValue

from scitrain.figures._style import BLUE, GREEN, GREY, ORANGE, PALE, finish, log_scale, new_figure, styled
from scitrain.figures.words import count

__all__ = ["learning_curve"]

WIDE_RATIO = 30.0
"""Losses that span more than this ratio are drawn on a logarithmic axis."""


@styled
def learning_curve(log: Mapping[str, JsonValue], title: str = "Learning curve") -> Figure:
    """Draw training and validation loss, the best epoch and the learning rate.

    Args:
        log: Content of ``results/dl_training_log.json``; a value that an epoch lacks, or null, leaves a gap.
        title: Heading of the figure.
    """
    epochs = [epoch for epoch in _list(log.get("epochs")) if isinstance(epoch, dict)]
    x = _series(epochs, "epoch")
    figure = new_figure(7.0, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _losses(upper, x, {"training": _series(epochs, "train_loss"), "validation": _series(epochs, "val_loss")})
    _mark_best(upper, x, _series(epochs, "val_loss"), log)
    upper.legend(loc="upper right")
    lower.plot(x, _series(epochs, "learning_rate"), color=GREEN, lw=1.6)
    lower.set(xlabel="epoch", ylabel="learning\nrate")
    lower.yaxis.set_major_locator(MaxNLocator(2))
    lower.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if len(x) == 1:
        lower.set_xlim(x[0] - 1, x[0] + 1)
    return finish(figure, title, _told(epochs, log))


def _losses(axes: Axes, x: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    looks = {"training": (ORANGE, "--", "s"), "validation": (BLUE, "-", "o")}
    marker_every = len(x) <= 30
    for name, values in curves.items():
        if np.isfinite(values).any():
            color, line, marker = looks[name]
            axes.plot(x, values, color=color, ls=line, marker=marker if marker_every else "", ms=3.5, label=name)
    known = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    if len(known) and known.min() > 0 and known.max() / known.min() > WIDE_RATIO:
        log_scale(axes)
    axes.set_ylabel("loss")


def _mark_best(axes: Axes, x: np.ndarray, validation: np.ndarray, log: Mapping[str, JsonValue]) -> None:
    """Mark the epoch whose weights were kept, and those of the single members of an ensemble."""
    members = [epoch for epoch in _list(log.get("best_epochs")) if isinstance(epoch, int | float)]
    for epoch in members if len(members) > 1 else []:
        axes.axvline(epoch, color=PALE, lw=1.2, zorder=0)
    best = log.get("best_epoch")
    if not isinstance(best, int | float):
        return
    axes.axvline(best, color=GREY, ls=":", lw=1.4)
    at = np.flatnonzero((x == best) & np.isfinite(validation))
    if len(at):
        axes.plot(
            x[at], validation[at], "o", ms=8, mfc="white", mec=BLUE, mew=2, label=f"best epoch ({best:g})", zorder=5
        )


def _told(epochs: Sequence[Mapping[str, JsonValue]], log: Mapping[str, JsonValue]) -> str:
    best, members, stopped = log.get("best_epoch"), log.get("members"), log.get("stopped")
    last = epochs[-1].get("epoch") if epochs else 0
    words = [f"best epoch {best} of {last}" if best is not None else f"{last} epochs"]
    if isinstance(members, int) and members > 1:
        words.append(f"mean over {members} members, the best epoch of each a pale line")
    if isinstance(log.get("parameters"), int):
        words.append(f"{count(float(str(log['parameters'])))} parameters")
    if stopped:
        words.append(f"stopped: {stopped}")
    return " · ".join(words)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _series(epochs: Sequence[Mapping[str, JsonValue]], name: str) -> np.ndarray:
    """Return one value an epoch, (epochs,), NaN where there is none."""
    values = (epoch.get(name) for epoch in epochs)
    return np.array([float(v) if isinstance(v, int | float) else np.nan for v in values])
