"""Molecules side by side, with a line or two about each."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure
from matplotlib.image import imread
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from scitrain.figures._style import finish, legible, new_figure, styled
from scitrain.figures.words import shorten

__all__ = ["MOST", "molecule_grid"]

MOST = 12
ACROSS = 4
SIDE = 420
"""Pixels of a drawing."""


@styled
def molecule_grid(smiles: Sequence[str], captions: Sequence[Sequence[str]], title: str, subtitle: str) -> Figure:
    """Draw the first `MOST` molecules.

    Args:
        smiles: Canonical SMILES, at least one.
        captions: Lines below each.
        title: Of the figure.
        subtitle: Which molecules these are.
    """
    n = min(len(smiles), MOST)
    across = min(n, ACROSS)
    down = -(-n // across)
    figure = new_figure(max(2.7 * across, 6.0), 3.0 * down + 0.9)
    for place in range(n):
        axes = figure.add_subplot(down, across, place + 1)
        axes.imshow(imread(BytesIO(_drawn(smiles[place]))))
        axes.set_axis_off()
        lines = [legible(shorten(line, 38)) for line in captions[place][:3]]
        axes.set_title("\n".join([f"{place + 1}. {lines[0]}", *lines[1:]]), fontsize=8)
    note = f"{n} of {len(smiles)} are drawn; results/candidates.csv has all." if n < len(smiles) else ""
    return finish(figure, title, subtitle, note)


def _drawn(smiles: str) -> bytes:
    drawer = rdMolDraw2D.MolDraw2DCairo(SIDE, SIDE)
    options: Any = drawer.drawOptions()  # its stubs take attributes for options of their own
    options.padding = 0.08
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, Chem.MolFromSmiles(smiles))
    drawer.FinishDrawing()
    content: bytes = drawer.GetDrawingText()
    return content
