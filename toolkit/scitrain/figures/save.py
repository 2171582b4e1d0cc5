"""Write a figure to a file."""

from io import BytesIO
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from scitrain.figures._style import DPI, LOOK, fonts
from scitrain.runs import atomic_write

__all__ = ["save"]


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG atomically and let the figure's memory go.

    Args:
        figure: What one of the functions of this package returned.
        path: File to be written; its folder is made.
    """
    # ticks are made while drawing: they too need the fonts
    with rc_context({**LOOK, "font.family": list(fonts())}), BytesIO() as drawn:
        figure.savefig(drawn, format="png", dpi=DPI)
        content = drawn.getvalue()
    figure.clear()
    return atomic_write(path, content)
