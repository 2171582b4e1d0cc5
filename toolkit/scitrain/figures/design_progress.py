"""How a design went, round by round."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, finish, new_figure, styled

__all__ = ["design_progress"]


@styled
def design_progress(rounds: Sequence[Mapping[str, float]], subtitle: str) -> Figure:
    """Draw the share of each round's predicted candidates that satisfies every goal.

    Args:
        rounds: ``predictions`` so far and ``satisfied`` share; at least one.
        subtitle: Of the search.
    """
    figure = new_figure(6.6, 4.0)
    axes = figure.add_subplot()
    axes.plot([r["predictions"] for r in rounds], [100 * r["satisfied"] for r in rounds], "o-", color=BLUE, ms=5)
    axes.set(xlabel="predictions so far", ylabel="satisfy every goal (% of the round)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    return finish(figure, "What the search learned", subtitle)
