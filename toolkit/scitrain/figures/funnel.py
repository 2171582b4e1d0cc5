"""How many candidates were left after each criterion."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, finish, legible_names, new_figure, styled
from scitrain.figures.words import count, percent

__all__ = ["funnel"]


@styled
def funnel(steps: Sequence[tuple[str, int]], subtitle: str) -> Figure:
    """Draw a bar a step.

    Args:
        steps: What was asked, and how many were left; at least one, the first with all.
        subtitle: Of the search.
    """
    figure = new_figure(7.6, 0.42 * len(steps) + 1.6)
    axes = figure.add_subplot()
    names = legible_names([name for name, _ in steps], 34)
    numbers = [n for _, n in steps]
    most = max(numbers[0], 1)
    bars = axes.barh(
        range(len(steps)), numbers, 0.72, color=[BLUE if i == len(steps) - 1 else GREY for i in range(len(steps))]
    )
    for bar, n in zip(bars, numbers, strict=True):
        axes.text(
            bar.get_width() + 0.01 * most,
            bar.get_y() + 0.36,
            f"{count(n)}  ({percent(n / most)})",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(steps)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.22 * most)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("candidates left")
    return finish(figure, "From what was drawn to what is left", subtitle)
