"""What adapting to another domain gains on its rows, beside the network that was not adapted."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, VERMILION, axis_name, finish, legible_names, new_figure, styled

__all__ = ["Trained", "adaptation"]

Span = tuple[float | None, float | None, float | None]
"""Value and the ends of its interval."""


@dataclass(frozen=True)
class Trained:
    """One way of training."""

    name: str
    test: Span
    gain: Span
    """Improvement over the first entry; no value for that itself."""
    kept: bool = False


@styled
def adaptation(
    entries: Sequence[Trained], metric: str, unit: str | None = "", higher_is_better: bool = False, subtitle: str = ""
) -> Figure:
    """Draw the metric on the target's test rows, and beside it the paired improvement over the first entry.

    Args:
        entries: The network that was not adapted first; the kept one is blue, all others grey.
        metric: Name of the metric, as a person reads it.
        unit: Its unit; empty or None draws none.
        higher_is_better: Direction of the metric.
        subtitle: Words under the title, such as rows and n.
    """
    figure = new_figure(9.0, 1.9 + 0.45 * len(entries))
    left, right = figure.subplots(1, 2, sharey=True)
    for at, one in enumerate(entries):
        _span(left, at, one, one.test)
        _span(right, at, one, one.gain)
    names = legible_names([f"{one.name} (kept)" if one.kept else one.name for one in entries], 30)
    left.set_yticks(range(len(entries)), names)
    left.set_ylim(len(entries) - 0.5, -0.5)
    right.axvline(0, color=VERMILION, lw=1.2, ls="--", zorder=1)
    for axes in (left, right):
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.1)
        axes.tick_params(axis="y", length=0)
    better = "higher" if higher_is_better else "lower"
    left.set_xlabel(f"{axis_name(metric, unit, 40)}, {better} is better")
    right.set_xlabel(f"improvement over {entries[0].name}")
    left.set_title("test rows of the target")
    right.set_title("right of the line: better")
    return finish(figure, "What adapting gains", subtitle, "The oracle learned from labels of the target.")


def _span(axes: Axes, at: int, one: Trained, span: Span) -> None:
    value, low, high = span
    if value is None:
        return
    colour = BLUE if one.kept else GREY
    if low is not None and high is not None:
        axes.hlines(at, low, high, color=colour, lw=2.2)
    axes.plot(value, at, "o" if one.kept else "s", color=colour, ms=8 if one.kept else 6.5, zorder=3)
