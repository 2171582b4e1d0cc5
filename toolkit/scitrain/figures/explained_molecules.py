"""Molecules whose atoms are coloured by their attributions."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread
from rdkit.Chem import Mol
from rdkit.Chem.Draw import rdMolDraw2D

from scitrain.figures._signed import KEY, largest, tint
from scitrain.figures._style import finish, grid_of, legible, new_figure, styled
from scitrain.figures.words import wrap_parts

__all__ = ["explained_molecules", "molecules_svg"]

SIDE = 480
"""Pixels of a panel, and of the drawing in it."""


@styled
def explained_molecules(
    titles: Sequence[str], mols: Sequence[Mol], atoms: Sequence[np.ndarray], subtitle: str, note: str
) -> Figure:
    """Draw each molecule.

    Args:
        titles: Of the molecules.
        mols: At least one.
        atoms: Attributions (n_atoms,) of each.
        subtitle: Method.
        note: What is not on the atoms.
    """
    across, down = grid_of(len(mols))
    figure = new_figure(max(3.4 * across, 6.0), 3.5 * down + 1.1)
    most = largest(atoms)
    for place, (title, mol, values) in enumerate(zip(titles, mols, atoms, strict=True)):
        axes = figure.add_subplot(down, across, place + 1)
        axes.imshow(imread(BytesIO(_drawn(mol, values, most))))
        axes.set_axis_off()
        axes.set_title("\n".join(legible(line) for line in wrap_parts(title, 44).splitlines()[:3]), fontsize=8.5)
    return finish(figure, "Why these predictions", subtitle, f"{KEY} {note}")


def _drawn(mol: Mol, values: np.ndarray, most: float) -> bytes:
    drawer = rdMolDraw2D.MolDraw2DCairo(SIDE, SIDE)
    _look(drawer)
    colours = {i: tint(value, most) for i, value in enumerate(values.tolist())}
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, mol, highlightAtoms=list(colours), highlightAtomColors=colours, highlightBonds=[]
    )
    drawer.FinishDrawing()
    content: bytes = drawer.GetDrawingText()
    return content


def molecules_svg(titles: Sequence[str], mols: Sequence[Mol], atoms: Sequence[np.ndarray]) -> str:
    """Return the same drawings as one SVG, which can be edited and printed at any size."""
    across, down = grid_of(len(mols))
    drawer = rdMolDraw2D.MolDraw2DSVG(SIDE * across, SIDE * down, SIDE, SIDE)
    _look(drawer)
    most = largest(atoms)
    colours = [{i: tint(value, most) for i, value in enumerate(values.tolist())} for values in atoms]
    ready = [rdMolDraw2D.PrepareMolForDrawing(mol) for mol in mols]
    drawer.DrawMolecules(
        ready,
        legends=[title[:60] for title in titles],
        highlightAtoms=[list(own) for own in colours],
        highlightAtomColors=colours,
        highlightBonds=[[] for _ in mols],
    )
    drawer.FinishDrawing()
    return str(drawer.GetDrawingText())


def _look(drawer: rdMolDraw2D.MolDraw2D) -> None:
    options: Any = drawer.drawOptions()  # its stubs take attributes for options of their own
    options.useBWAtomPalette()
    options.highlightRadius = 0.42
    options.fillHighlights = True
    options.padding = 0.08
