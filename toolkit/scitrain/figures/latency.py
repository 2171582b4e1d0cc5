"""How long a prediction takes, by the rows that come at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from scitrain.figures._style import CYCLE, LINES, MARKERS, common_legend, finish, log_scale, new_figure, styled
from scitrain.figures.words import count

__all__ = ["Latency", "latency"]

MOST_TICKS = 6


@dataclass(frozen=True)
class Latency:
    """What predictions of so many rows took."""

    rows: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float


@styled
def latency(found: Mapping[str, Sequence[Latency]], subtitle: str) -> Figure:
    """Draw latency with its spread, and throughput, against the batch.

    Args:
        found: By backend, by growing batch.
        subtitle: Model and machine.
    """
    figure = new_figure(8.6, 4.4)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for i, (name, points) in enumerate(found.items()):
        look: dict[str, Any] = {"color": CYCLE[i], "ls": LINES[i], "marker": MARKERS[i], "ms": 5, "label": name}
        rows = [point.rows for point in points]
        left.plot(rows, [point.p50_ms for point in points], **look)
        left.fill_between(
            rows, [p.p50_ms for p in points], [p.p99_ms for p in points], color=CYCLE[i], alpha=0.18, lw=0
        )
        right.plot(rows, [point.rows_per_s for point in points], **look)
    sizes = sorted({point.rows for points in found.values() for point in points})
    for axes, what in ((left, "latency of a call (ms)"), (right, "throughput (rows a second)")):
        log_scale(axes, "x")
        log_scale(axes, "y")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # throughputs often lie within one decade
        axes.xaxis.set_major_locator(FixedLocator(sizes[:: -(-len(sizes) // MOST_TICKS)]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(int(value))))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="rows in one call", ylabel=what)
    common_legend(figure)
    note = "From raw rows to predictions with intervals. Lines: the median call; shade: up to the slowest 1 %."
    return finish(figure, "How long a prediction takes", subtitle, note)
