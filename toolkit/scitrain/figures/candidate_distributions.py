"""How properties are distributed among candidates and among what is known."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, GREY, VERMILION, axis_name, common_legend, finish, log_scale, panels, styled
from scitrain.figures.words import count

__all__ = ["MOST", "candidate_distributions"]

MOST = 6
WIDE_RATIO = 200.0
"""A property that spans more than this ratio is drawn on a logarithmic axis."""
OUTER = 0.005
"""Share of values at either end that lies beyond the drawn axis."""


@styled
def candidate_distributions(
    values: Mapping[str, np.ndarray],
    reference: Mapping[str, np.ndarray],
    units: Mapping[str, str],
    wanted: Mapping[str, tuple[float, float]],
    subtitle: str,
) -> Figure:
    """Draw a panel a property, at most `MOST`.

    Args:
        values: Of the candidates by property, NaN where unknown; at least one has a value.
        reference: Of the known materials; may lack properties.
        units: By property.
        wanted: Least and most that was asked, infinite where open.
        subtitle: Set and rows.
    """
    shown = {name: v[np.isfinite(v)] for name, v in values.items()}
    shown = {name: v for name, v in shown.items() if len(v)}
    names = sorted(shown, key=lambda name: name not in wanted)[:MOST]
    figure, axes = panels(len(names), (7.0, 4.6))
    for place, name in zip(axes, names, strict=True):
        other = reference.get(name, np.zeros(0))
        _panel(place, shown[name], other[np.isfinite(other)], wanted.get(name))
        place.set_xlabel(axis_name(name.replace("_", " "), units.get(name), 26))
    for place in axes[::3]:
        place.set_ylabel("share (%)")
    common_legend(figure)
    cut = f"{MOST} of {len(shown)} properties are drawn. " if len(shown) > MOST else ""
    return finish(
        figure,
        "Properties of the candidates",
        subtitle,
        f"{cut}The outermost half per cent at either end is not drawn.",
    )


def _panel(axes: Axes, own: np.ndarray, other: np.ndarray, wanted: tuple[float, float] | None) -> None:
    every = np.concatenate([own, other])
    low, high = np.quantile(every, [OUTER, 1 - OUTER]).tolist()
    whole = bool(np.all(every == np.round(every))) and high - low <= 40
    wide = low > 0 and high / low > WIDE_RATIO
    if wide:
        log_scale(axes, "x")
    edges = _edges(low, high, whole, wide)
    for values, colour, label in ((other, GREY, "reference"), (own, BLUE, "candidates")):
        if len(values):
            share = 100 * np.histogram(values, edges)[0] / len(values)
            axes.stairs(
                share,
                edges,
                color=colour,
                fill=colour == GREY,
                alpha=0.45 if colour == GREY else 1.0,
                lw=2,
                label=label,
            )
    if wanted is not None:
        ends = [max(wanted[0], edges[0]), min(wanted[1], edges[-1])]
        axes.axvspan(*ends, color=VERMILION, alpha=0.15, lw=0, label="wanted")
    axes.set_title(f"n = {count(len(own))}" + (f", reference {count(len(other))}" if len(other) else ""), fontsize=8.5)
    axes.set_ylim(bottom=0)


def _edges(low: float, high: float, whole: bool, wide: bool) -> np.ndarray:
    if whole:
        return np.asarray(np.arange(np.floor(low), high + 2) - 0.5)
    return np.geomspace(low, high, 31) if wide else np.linspace(low, high if high > low else low + 1, 31)
