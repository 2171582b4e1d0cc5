"""Ways to say how sure a model is: do they hold what they promise, what does it cost, do they know where errors are."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.evaluation.rows import MetricRow
from scitrain.evaluation.ways import WayReport, Ways
from scitrain.figures._style import (
    CYCLE,
    GREY,
    LINES,
    MARKERS,
    axis_name,
    bold,
    common_legend,
    finish,
    legible,
    new_figure,
    styled,
)
from scitrain.figures.words import count, joined, number, percent, percent_interval

__all__ = ["uncertainty"]


@styled
def uncertainty(ways: Ways) -> Figure:
    """Draw promise against outcome, the deciding score with width or set size, and error against doubt, of the first target.

    Args:
        ways: Content of ``results/uncertainty.json``.
    """
    figure = new_figure(10.5, 5.4 + 0.3 * len(ways.ways))
    cells = figure.add_gridspec(2, 2, height_ratios=(3.0, 0.6 + 0.42 * len(ways.ways)))
    _promised(figure.add_subplot(cells[0, 0]), ways.ways)
    _doubted(figure.add_subplot(cells[0, 1]), ways.ways)
    lower = [figure.add_subplot(cells[1, i]) for i in range(2)]
    _dots(lower[0], ways.ways, ways.deciding)
    size = "interval_width" if ways.deciding == "interval_score" else "set_size"
    _dots(lower[1], ways.ways, size, told=[f"holds {_held(one)}" for one in ways.ways])
    lower[1].set_yticklabels([])
    common_legend(figure, across=3)
    row = ways.ways[0].row(ways.deciding)
    n = f"n = {count(ways.n)} test rows, calibrated on {count(ways.n_validation)} validation rows"
    subtitle = joined(row.target or "mean over the targets", f"asked to hold {percent(ways.coverage)}", n)
    note = "" if len(_targets(ways)) < 2 else "Upper panels: the first target; results/uncertainty.json has all."
    return finish(figure, "How sure the model is, said in several ways", subtitle, note)


def _targets(ways: Ways) -> set[str | None]:
    return {row.target for row in ways.ways[0].metrics if row.target is not None}


def _held(way: WayReport) -> str:
    return percent_interval(way.row("coverage"))


def _look(at: int, way: WayReport) -> dict[str, Any]:
    return {
        "color": CYCLE[at % len(CYCLE)],
        "ls": LINES[at % len(LINES)],
        "marker": MARKERS[at % len(MARKERS)],
        "ms": 4.5,
        "lw": 2.4 if way.used else 1.5,
        "label": legible(way.title + (" (the model's own)" if way.used else "")),
    }


def _promised(axes: Axes, ways: Sequence[WayReport]) -> None:
    """Draw observed against nominal coverage, or frequency against probability."""
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    numbers = any(way.coverage_curve for way in ways)
    for at, way in enumerate(ways):
        points = [(p.nominal, p.observed) for p in way.coverage_curve[0]] if way.coverage_curve else []
        points = points or [(p.confidence, p.frequency) for p in (way.reliability[0] if way.reliability else ())]
        known = [point for point in points if point[1] is not None]
        if known:
            axes.plot(*zip(*known, strict=True), **_look(at, way))
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("nominal coverage" if numbers else "predicted probability")
    axes.set_ylabel("observed coverage" if numbers else "observed frequency")
    _title(axes, "Outcome against promise")


def _doubted(axes: Axes, ways: Sequence[WayReport]) -> None:
    """Draw the error of what is left when the most doubtful rows are set aside."""
    for at, way in enumerate(ways):
        if way.sparsification:
            curve = way.sparsification[0]
            axes.plot(curve.removed, curve.left, **(_look(at, way) | {"markevery": 3}))
    own = next((way.sparsification[0] for way in ways if way.sparsification), None)
    if own is None:
        axes.text(0.5, 0.5, "every row is as doubtful as any other", ha="center", color=GREY, transform=axes.transAxes)
        axes.set_axis_off()
        return
    axes.plot(own.removed, own.best, color=GREY, lw=1, ls=":", label="had the worst rows been known")
    axes.set_xlabel("share set aside, most doubtful first")
    axes.set_ylabel(f"{own.error} of the others")
    axes.set_ylim(bottom=0)
    _title(axes, "Does doubt tell of error?")


def _dots(axes: Axes, ways: Sequence[WayReport], name: str, told: Sequence[str] = ()) -> None:
    rows = [way.row(name) for way in ways]
    for at, row in enumerate(rows):
        _dot(axes, at, row)
    axes.set_yticks(range(len(ways)), [legible(way.title) for way in ways])
    axes.set_ylim(len(ways) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(axis_name(rows[0].title, rows[0].unit, 50) + ", lower is better")
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(ways)), list(told) or [_difference(way) for way in ways])
    right.tick_params(length=0, labelsize=9)
    right.spines[:].set_visible(False)


def _dot(axes: Axes, at: int, row: MetricRow) -> None:
    if row.value is None:
        return
    colour = CYCLE[at % len(CYCLE)]
    low, high = (row.value if end is None else end for end in (row.low, row.high))
    axes.hlines(at, low, high, color=colour, lw=2.2)
    axes.plot(row.value, at, MARKERS[at % len(MARKERS)], color=colour, ms=7)


def _difference(way: WayReport) -> str:
    """Return how far a way is from the model's own."""
    if way.used:
        return "its own"
    row = way.row("interval_score" if way.coverage_curve else "log_loss")
    found = next((one for one in way.differences if one.target == row.target), None)
    if found is None or found.value is None:
        return ""
    sign = "+" if found.value > 0 else ""
    return f"{sign}{number(found.value)}" + ("" if found.p is None else f", p = {number(found.p, 2)}")


def _title(axes: Axes, words: str) -> None:
    axes.set_title(legible(words), loc="left", fontsize=9.5, **bold(words))
