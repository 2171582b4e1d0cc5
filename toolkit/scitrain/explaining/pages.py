"""Texts and sequences with coloured tokens as a page: whole, and with the value of each token at hand."""

from collections.abc import Sequence

import numpy as np

from scitrain.figures._signed import largest, tint
from scitrain.figures.words import number, shorten
from scitrain.render.markup import environment

__all__ = ["tokens_page"]

LONGEST_TITLE = 90
"""Columns of a row's title; its text stands below."""
PALEST = 0.75
"""Share of the full colour that the largest value gets: black letters are read on it."""


def tokens_page(
    titles: Sequence[str], rows: Sequence[tuple[Sequence[str], np.ndarray]], subtitle: str, unit: str, spaced: bool
) -> str:
    """Return the HTML.

    Args:
        titles: Of the rows.
        rows: Tokens, and their attributions (n,).
        subtitle: Method and baseline.
        unit: Of an attribution; may be empty.
        spaced: Whether spaces stand between tokens.
    """
    told = [
        {
            "title": shorten(title, LONGEST_TITLE),
            "tokens": _tokens(tokens, values),
            "between": " " if spaced else "\u200b",
        }
        for title, (tokens, values) in zip(titles, rows, strict=True)
    ]
    colours = {"raises": _colour(1.0, 1.0), "lowers": _colour(-1.0, 1.0)}
    return environment().get_template("explanations.html.j2").render(rows=told, subtitle=subtitle, unit=unit, **colours)


def _tokens(tokens: Sequence[str], values: np.ndarray) -> list[dict[str, str]]:
    most = largest([values])
    return [
        {"text": token, "value": f"{token}: {number(value, 3)}", "colour": _colour(value, most)}
        for token, value in zip(tokens, values.tolist(), strict=True)
    ]


def _colour(value: float, most: float) -> str:
    red, green, blue = (round(255 * part) for part in tint(PALEST * value, most))
    return f"#{red:02x}{green:02x}{blue:02x}"
