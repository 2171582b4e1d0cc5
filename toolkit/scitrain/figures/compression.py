"""What smaller variants of a network cost in quality, against their size and their latency."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import JsonValue

from scitrain.figures._style import BLACK, CYCLE, GREY, MARKERS, VERMILION, common_legend, finish, new_figure, styled
from scitrain.figures.words import count, joined

__all__ = ["compression"]


@styled
def compression(told: Mapping[str, JsonValue]) -> Figure:
    """Draw the loss of quality on validation rows with its interval, once by bytes and once by the latency of one row.

    Args:
        told: Content of ``results/compression.json``.
    """
    content: Mapping[str, Any] = told
    shown = [one for one in content["variants"] if "bytes" in one and one["validation"]["loss"] is not None]
    figure = new_figure(9.0, 4.6)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, ratio, name in zip(axes, ("size_ratio", "latency_ratio"), ("bytes", "time of one row"), strict=True):
        _panel(ax, shown, ratio, 100 * content["max_quality_loss"])
        ax.set_xlabel(f"{name}, the original's = 1")
    score = content["metric"]["title"]
    unit = "% of the original's error" if content["loss_is"].startswith("share") else "points"
    axes[0].set_ylabel(f"loss of {score} ({unit})")
    common_legend(figure)
    rows = content["rows"]["val"]
    kept = content["kept"]
    said = joined(f"{count(rows)} validation rows", f"kept: {kept or 'the original'}")
    allowed = f"{100 * content['max_quality_loss']:g} {unit} might be lost"
    note = f"Lines: 95 % intervals, paired bootstrap. Dashed: {allowed}; hollow: not kept."
    return finish(figure, "Size, speed and quality", said, note)


def _panel(axes: Axes, shown: Sequence[Mapping[str, Any]], ratio: str, allowed: float) -> None:
    axes.axhline(allowed, color=VERMILION, lw=1.2, ls="--", zorder=1)
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    axes.plot(1, 0, "*", color=BLACK, ms=11, label="original", zorder=3)
    for at, one in enumerate(shown):
        loss, colour = one["validation"], CYCLE[at % len(CYCLE)]
        if loss["low"] is not None:
            axes.vlines(one[ratio], 100 * loss["low"], 100 * loss["high"], color=colour, lw=1.6, zorder=2)
        face = colour if one["kept"] else "white"
        marker = MARKERS[at % (len(MARKERS) - 1)]
        axes.plot(
            one[ratio],
            100 * loss["loss"],
            marker,
            color=colour,
            mfc=face,
            mew=1.8,
            ms=9,
            ls="",
            label=one["method"],
            zorder=3,
        )
    axes.set_xlim(left=0)
    axes.margins(x=0.08, y=0.12)
