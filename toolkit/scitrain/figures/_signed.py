"""Colours of attributions: what raises a prediction, what lowers it."""

from collections.abc import Iterable

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from scitrain.figures._style import BLUE, VERMILION

__all__ = ["KEY", "SIGNED", "largest", "tint"]

SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, "#FFFFFF", VERMILION])
"""From lowering over nothing to raising; both ends are told apart with every common colour blindness."""
KEY = "Red raises the prediction, blue lowers it, against the baseline; colours are alike in all panels."


def largest(arrays: Iterable[np.ndarray]) -> float:
    """Return the largest size of any attribution, which gets the full colour."""
    return max((float(np.abs(values).max()) for values in arrays if values.size), default=0.0) or 1.0


def tint(value: float, most: float) -> tuple[float, float, float]:
    """Return the colour (red, green, blue) of an attribution."""
    red, green, blue, _ = SIGNED(0.5 + 0.5 * float(np.clip(value / most, -1, 1)))
    return red, green, blue
