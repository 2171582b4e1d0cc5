"""What each of several targets gains by being learned together with the others."""

from matplotlib.figure import Figure

from scitrain.evaluation.gain import GainRow, GainTold
from scitrain.figures._style import VERMILION, axis_name, finish, styled
from scitrain.figures.comparison import MOST_ROWS, Compared, dots
from scitrain.figures.words import count, number

__all__ = ["task_gain"]


@styled
def task_gain(told: GainTold) -> Figure:
    """Draw the gain of each target over a network of its own with its interval, the largest first, and the mean at the top."""
    ranked = sorted(told.targets, key=lambda row: (row.gain is None, -(row.gain or 0.0)))
    figure, axes = dots([_entry(told.mean, "mean over the targets", True), *(_entry(r, str(r.target)) for r in ranked)])
    axes.axvline(0, color=VERMILION, lw=1.2, ls="--", zorder=1)
    axes.set_xlabel(axis_name(f"gain in {told.title}", told.unit, 60) + ", together − alone, 95 % interval")
    mean = told.mean
    values = "" if mean.together is None or mean.alone is None else (
        f"{told.title} {number(mean.together)} together, {number(mean.alone)} each alone · "
    )  # fmt: skip
    cut = f" {MOST_ROWS} of {len(ranked) + 1} rows are drawn." if len(ranked) + 1 > MOST_ROWS else ""
    note = f"Right of the line the network of all targets is better; paired on the same test rows.{cut}"
    return finish(figure, "What learning together gains", f"{values}n = {count(mean.n)} test rows", note)


def _entry(row: GainRow, label: str, emphasis: bool = False) -> Compared:
    return Compared(label, row.gain, row.low, row.high, row.reason, emphasis)
