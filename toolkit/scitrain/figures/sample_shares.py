"""How many draws of a generator are valid, different and new, by epoch."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scitrain.figures._style import BLUE, GREEN, VERMILION, finish, new_figure, styled

__all__ = ["sample_shares"]

LOOK = {
    "valid": (BLUE, "-", "valid"),
    "unique": (GREEN, "--", "unique, of the valid"),
    "novel": (VERMILION, "-.", "novel, of the unique"),
}


@styled
def sample_shares(epochs: Sequence[dict[str, float]], subtitle: str) -> Figure:
    """Draw the three shares.

    Args:
        epochs: Rows of the training log with ``epoch``, ``valid``, ``unique``, ``novel``.
        subtitle: How many draws, and how.
    """
    figure = new_figure(7.0, 4.2)
    axes = figure.add_subplot()
    x = [row["epoch"] for row in epochs]
    for name, (colour, line, label) in LOOK.items():
        axes.plot(x, [100 * row[name] for row in epochs], color=colour, ls=line, marker="o", ms=4, label=label)
    axes.set(xlabel="epoch", ylabel="share of the draws (%)", ylim=(-2, 102))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if len(x) == 1:
        axes.set_xlim(x[0] - 1, x[0] + 1)
    axes.legend(loc="lower right")
    return finish(figure, "What the generator draws", subtitle)
