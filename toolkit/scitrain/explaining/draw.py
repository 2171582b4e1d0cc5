"""Draw what was explained, in the way that suits the data."""

from collections.abc import Sequence

from scitrain.explaining.importance import Importance
from scitrain.explaining.reading import Read
from scitrain.figures.explained_bars import explained_bars
from scitrain.figures.explained_images import explained_images
from scitrain.figures.explained_molecules import explained_molecules, molecules_svg
from scitrain.figures.explained_series import explained_series
from scitrain.figures.explained_tokens import explained_tokens
from scitrain.figures.importance import importance
from scitrain.figures.save import save
from scitrain.runs import Run, atomic_write

__all__ = ["SHOWN", "draw_importance", "draw_rows"]

SHOWN = 9
"""Rows drawn; results/explanations.csv has all."""


def draw_importance(run: Run, found: Sequence[Importance], axis: str, subtitle: str, note: str) -> None:
    """Write ``figures/importance.png``."""
    bars = [(one.feature, one.value, one.low, one.high, one.share) for one in found]
    save(importance(bars, axis, subtitle, note), run.file("figures/importance.png"))


def draw_rows(run: Run, titles: Sequence[str], rows: Sequence[Read], axis: str, subtitle: str) -> None:
    """Write ``figures/explanations.png``, and of molecules the drawing as ``figures/explanations.svg`` too."""
    titles, rows = titles[:SHOWN], rows[:SHOWN]
    path = run.file("figures/explanations.png")
    mols = [row.picture.atoms for row in rows if row.picture.atoms is not None]
    images = [row.picture.image for row in rows if row.picture.image is not None]
    curves = [row.picture.curve for row in rows if row.picture.curve is not None]
    tokens = [row.picture.tokens for row in rows if row.picture.tokens is not None]
    if mols:
        drawn = [mol for mol, _ in mols], [values for _, values in mols]
        save(explained_molecules(titles, *drawn, subtitle, _apart(rows)), path)
        atomic_write(run.file("figures/explanations.svg"), molecules_svg(titles, *drawn))
    elif images:
        save(explained_images(titles, [image for image, _ in images], [found for _, found in images], subtitle), path)
    elif curves:
        save(
            explained_series(
                titles, curves[0][0], [c for _, c, _ in curves], [v for _, _, v in curves], axis, subtitle
            ),
            path,
        )
    elif tokens:
        save(explained_tokens(titles, tokens, subtitle), path)
    else:
        save(explained_bars(titles, [row.parts for row in rows], axis, subtitle), path)


def _apart(rows: Sequence[Read]) -> str:
    """Say how much of molecules is not on their atoms."""
    on = sum(abs(value) for row in rows for name, value in row.parts.items() if name.startswith("atom "))
    off = sum(abs(value) for row in rows for name, value in row.parts.items() if not name.startswith("atom "))
    share = off / (on + off) if on + off else 0.0
    told = "belong to descriptors and the like, listed in results/explanations.csv."
    return f"Atoms hold {1 - share:.0%} of the attributions shown; {share:.0%} {told}"
