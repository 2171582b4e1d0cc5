"""What transfer gains, by the number of labels and on the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import (
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PURPLE,
    VERMILION,
    axis_name,
    finish,
    new_figure,
    styled,
)

__all__ = ["Strategy", "transfer_gain"]

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION)


@dataclass(frozen=True)
class Strategy:
    """One strategy: its curve, and its test value."""

    name: str
    labels: tuple[int, ...]
    validation: tuple[float | None, ...]
    test: float | None
    low: float | None
    high: float | None


@styled
def transfer_gain(
    strategies: Sequence[Strategy], metric: str, unit: str | None = "", subtitle: str = "", chosen: str = ""
) -> Figure:
    """Draw the validation metric by the number of labels, and beside it the test metric with its interval.

    Args:
        strategies: In the order asked for; scratch is drawn grey.
        metric: Name of the metric, as a person reads it.
        unit: Its unit; empty or None draws none.
        subtitle: Words under the title, such as split and n.
        chosen: Strategy that was kept, marked in the legend.
    """
    figure = new_figure(9.0, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    others = iter(zip(COLOURS * 2, MARKERS[1:] * 2, strict=False))
    looks = [(GREY, MARKERS[0]) if one.name == "scratch" else next(others) for one in strategies]
    for one, (colour, marker) in zip(strategies, looks, strict=True):
        _curve(left, one, colour, marker, f"{one.name} (kept)" if one.name == chosen else one.name)
    left.set(xlabel="labels", ylabel=axis_name(metric, unit, 40))
    left.set_xscale("log")
    counts = sorted({n for one in strategies for n in one.labels})
    left.set_xticks(counts, [f"{n:,}" for n in counts])
    left.minorticks_off()
    left.set_title("validation rows, by number of labels")
    left.legend()
    for at, (one, (colour, marker)) in enumerate(zip(strategies, looks, strict=True)):
        if one.test is not None:
            if one.low is not None and one.high is not None:
                right.hlines(at, one.low, one.high, color=colour, lw=2.2)
            right.plot(one.test, at, marker, color=colour, ms=7)
    right.set_yticks(range(len(strategies)), [one.name for one in strategies])
    right.set_ylim(len(strategies) - 0.5, -0.5)
    right.grid(visible=False, axis="y")
    right.set_xlabel(axis_name(metric, unit, 40))
    right.set_title("test rows, all labels, 95 % interval")
    return finish(figure, "What the transfer gains", subtitle, "Chosen by validation rows; test rows were met once.")


def _curve(axes: Axes, one: Strategy, colour: str, marker: str, label: str) -> None:
    points = [(n, value) for n, value in zip(one.labels, one.validation, strict=True) if value is not None]
    axes.plot([n for n, _ in points], [value for _, value in points], color=colour, marker=marker, label=label)
