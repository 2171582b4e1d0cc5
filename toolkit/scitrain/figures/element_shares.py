"""The periodic table, each element coloured by how often candidates contain it."""

from collections.abc import Mapping

from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from scitrain.figures._style import BLUE, finish, styled
from scitrain.figures.periodic_table import Tile, colour_bar, tiled
from scitrain.figures.words import percent

__all__ = ["element_shares"]

RAMP = LinearSegmentedColormap.from_list("shares", ["#F4F8FB", "#7FB2D6", BLUE])
DEEPEST = 0.75
"""Share of the ramp that the largest value gets: black letters are read on it."""


@styled
def element_shares(shares: Mapping[str, float], reference: Mapping[str, float] | None, subtitle: str) -> Figure:
    """Draw the share of candidates with each element, and below it that of the reference.

    Args:
        shares: By symbol, 0…1; at least one.
        reference: The same of the known materials, or None.
        subtitle: Set and rows.
    """
    most = max(shares.values())
    beside = reference or {}
    symbols = {*shares, *(symbol for symbol, share in beside.items() if share >= 0.001)}
    cells = {}
    for symbol in symbols:
        share = shares.get(symbol, 0.0)
        red, green, blue, _ = RAMP(DEEPEST * share / most)
        below = f"ref {percent(beside.get(symbol, 0.0))}" if reference is not None else ""
        cells[symbol] = Tile((red, green, blue), (percent(share), below))
    figure, axes = tiled(cells)
    bar = colour_bar(
        figure, axes, ScalarMappable(Normalize(0, most / DEEPEST * 100), RAMP), "candidates with the element (%)"
    )
    bar.ax.set_xlim(0, min(100, most / DEEPEST * 100))
    note = "Below each share, that of the reference set." if reference is not None else ""
    return finish(figure, "Elements of the candidates", subtitle, note)
