"""Draw what was explained, in the way that suits the data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.explaining.importance import Importance
from scitrain.explaining.layout import Layout
from scitrain.explaining.pages import tokens_page
from scitrain.explaining.reading import Read
from scitrain.figures.explained_bars import explained_bars
from scitrain.figures.explained_images import explained_images
from scitrain.figures.explained_molecules import explained_molecules, molecules_svg
from scitrain.figures.explained_series import explained_series
from scitrain.figures.explained_tokens import explained_tokens
from scitrain.figures.importance import importance
from scitrain.figures.importance_map import importance_map
from scitrain.figures.periodic_table import Told, periodic_table, places
from scitrain.figures.save import save
from scitrain.runs import Run, atomic_write

__all__ = ["SHOWN", "Captions", "draw_elements", "draw_importance", "draw_map", "draw_rows"]

SHOWN = 9
"""Rows drawn; results/explanations.csv has all."""
WHOLE = 0.995
"""Share of the attributions from which nothing but elements is left to speak of."""


@dataclass(frozen=True)
class Captions:
    """What is written beside the rows."""

    axis: str
    """What an attribution is, with its unit."""
    subtitle: str
    """Method and baseline."""
    unit: str = ""
    alike: bool = True
    """Whether colours of images mean the same in all of them."""
    spaced: bool = True
    """Whether spaces part the tokens of a text."""


def draw_importance(run: Run, found: Sequence[Importance], axis: str, subtitle: str, note: str) -> None:
    """Write ``figures/importance.png``."""
    bars = [(one.feature, one.value, one.low, one.high, one.share) for one in found]
    save(importance(bars, axis, subtitle, note), run.file("figures/importance.png"))


def draw_map(run: Run, found: Sequence[Importance], layout: Layout, axis: str, subtitle: str) -> None:
    """Write ``figures/importance.png`` of images: the value of each region at its place."""
    values = {one.feature: one.value for one in found}
    grid = layout.groups[0]
    down, across = len(np.unique(grid[:, 0])), len(np.unique(grid[0]))
    laid = np.array([values.get(name, 0.0) for name in layout.names]).reshape(down, across)
    note = (
        "results/importance.json has the 95 % intervals over rows. What the model uses is no cause of what it predicts."
    )
    save(importance_map(laid, grid.shape, axis, subtitle, note), run.file("figures/importance.png"))


def draw_elements(
    run: Run, names: Sequence[str], values: np.ndarray, there: np.ndarray, axis: str, subtitle: str
) -> None:
    """Write ``figures/elements.png``, the periodic table with what each element does.

    Args:
        run: Where it is written.
        names: Of the features.
        values: (n, features) attributions.
        there: bool (n, features): whether a row has the feature, such as the element.
        axis: What a value is, with its unit.
        subtitle: Method and rows.
    """
    means: dict[str, float] = {}
    rows: dict[str, int] = {}
    for at, name in enumerate(names):
        own = values[there[:, at], at]
        if name in places() and len(own):
            means[name], rows[name] = float(own.mean()), len(own)
    if not means:
        return
    on = float(np.abs(values[:, [at for at, name in enumerate(names) if name in means]]).sum())
    share = on / max(float(np.abs(values).sum()), 1e-30)
    note = "Mean over the n test rows that contain an element; red raises the prediction, blue lowers it."
    if share < WHOLE:
        note = f"{note} Elements hold {share:.0%} of the attributions, properties made of all elements the rest."
    save(
        periodic_table(means, rows, axis, Told("What each element does", subtitle, note)),
        run.file("figures/elements.png"),
    )


def draw_rows(run: Run, titles: Sequence[str], rows: Sequence[Read], captions: Captions) -> None:
    """Write ``figures/explanations.png``, of molecules also as ``.svg``, and of tokens all rows as ``figures/explanations.html``."""
    tokens = [row.picture.tokens for row in rows if row.picture.tokens is not None]
    if tokens:
        page = tokens_page(titles, tokens, captions.subtitle, captions.unit, captions.spaced)
        atomic_write(run.file("figures/explanations.html"), page)
    titles, rows = titles[:SHOWN], rows[:SHOWN]
    path, subtitle, axis = run.file("figures/explanations.png"), captions.subtitle, captions.axis
    mols = [row.picture.atoms for row in rows if row.picture.atoms is not None]
    images = [row.picture.image for row in rows if row.picture.image is not None]
    curves = [row.picture.curve for row in rows if row.picture.curve is not None]
    if mols:
        drawn = [mol for mol, _ in mols], [values for _, values in mols]
        save(explained_molecules(titles, *drawn, subtitle, _about_atoms(rows)), path)
        atomic_write(run.file("figures/explanations.svg"), molecules_svg(titles, *drawn))
    elif images:
        pictures, maps = [image for image, _ in images], [found for _, found in images]
        save(explained_images(titles, pictures, maps, subtitle, captions.alike), path)
    elif curves:
        values = [c for _, c, _ in curves], [v for _, _, v in curves]
        save(explained_series(titles, curves[0][0], *values, axis, subtitle), path)
    elif tokens:
        save(explained_tokens(titles, tokens[:SHOWN], subtitle), path)
    else:
        save(explained_bars(titles, [row.parts for row in rows], axis, subtitle), path)


def _about_atoms(rows: Sequence[Read]) -> str:
    """Say what the colours of atoms are, and how much is not on them."""
    if any(row.beside for row in rows):
        return (
            "An atom's colour is what the prediction loses when it is taken away and the rest described anew; attributions "
            "of descriptors and fragments are listed in results/explanations.csv."
        )
    on = sum(abs(value) for row in rows for name, value in row.parts.items() if name.startswith("atom "))
    off = sum(abs(value) for row in rows for name, value in row.parts.items() if not name.startswith("atom "))
    share = off / (on + off) if on + off else 0.0
    told = "belong to descriptors and the like, listed in results/explanations.csv."
    return f"Atoms hold {1 - share:.0%} of the attributions shown; {share:.0%} {told}"
