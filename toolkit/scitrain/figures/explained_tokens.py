"""Texts and sequences whose tokens are coloured by their attributions."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scitrain.figures._signed import KEY, largest, tint
from scitrain.figures._style import finish, legible, new_figure, styled
from scitrain.figures.words import columns, shorten

__all__ = ["explained_tokens"]

WIDE = 84
"""Columns of a typewriter in a line."""
LINES = 8
"""Lines drawn of a row."""


@styled
def explained_tokens(titles: Sequence[str], rows: Sequence[tuple[Sequence[str], np.ndarray]], subtitle: str) -> Figure:
    """Draw the tokens of each row in their order, line by line.

    Args:
        titles: Of the rows.
        rows: Tokens, and their attributions (n,).
        subtitle: Method.
    """
    placed = [_lines([legible(shorten(token, 20)) for token in tokens]) for tokens, _ in rows]
    heights = [1 + max((line for line, _, _ in own), default=0) for own in placed]
    figure = new_figure(8.4, 0.27 * sum(heights) + 0.42 * len(rows) + 1.0)
    grid = figure.subplots(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    most = largest(values for _, values in rows)
    cut = False
    for axes, title, own, (_, values), lines in zip(grid, titles, placed, rows, heights, strict=True):
        axes.set_axis_off()
        axes.set_xlim(0, WIDE)
        axes.set_ylim(lines, 0)
        axes.set_title(legible(shorten(title, 90)), loc="left", fontsize=9)
        for (line, start, text), value in zip(own, values.tolist(), strict=False):  # a long row is cut
            width = columns(text) + 0.6
            axes.add_patch(Rectangle((start, line + 0.06), width, 0.88, color=tint(value, most), lw=0))
            axes.text(start + width / 2, line + 0.5, text, ha="center", va="center", fontsize=8.5, family="monospace")
        cut = cut or len(own) < len(values)
    return finish(
        figure, "Why these predictions", subtitle, KEY + (f" Of long rows {LINES} lines are drawn." if cut else "")
    )


def _lines(tokens: Sequence[str]) -> list[tuple[int, float, str]]:
    """Return line, start and text of each token that has a place."""
    found: list[tuple[int, float, str]] = []
    line, start = 0, 0.0
    for token in tokens:
        width = columns(token) + 0.6
        if start + width > WIDE:
            line, start = line + 1, 0.0
        if line == LINES:
            break
        found.append((line, start, token))
        start += width + 0.25
    return found
