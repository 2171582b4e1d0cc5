"""Attributions of weighted terms, brought back to the words of the text they were counted in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scitrain.modalities._text_features import tidy, words

__all__ = ["on_words"]

SIZES = {"words": (1, 2), "characters": (2, 3)}
JOINED = {"words": " ", "characters": ""}


def on_words(text: str, values: np.ndarray, options: Mapping[str, Any]) -> tuple[list[str], np.ndarray]:
    """Share the attribution of each term (n_terms,) among its places, and at each among its words, in equal parts.

    Returns:
        The words of the text in their order (characters, where no space parts words), and the share (n_words,) of each.
    """
    unit = options["unit"]
    run = words(tidy(text)[0], unit)
    place = {term: i for i, term in enumerate(options["terms"])}
    at: dict[str, list[range]] = {}
    for size in SIZES[unit]:
        for start in range(len(run) - size + 1):
            at.setdefault(JOINED[unit].join(run[start : start + size]), []).append(range(start, start + size))
    found = np.zeros(len(run))
    for term, spans in at.items():
        if term in place:
            for span in spans:
                found[list(span)] += values[place[term]] / (len(spans) * len(span))
    return run, found
