"""One look for every figure: colours that the colour-blind can tell apart, sizes for a chat, text without boxes."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any, ParamSpec

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from scitrain.figures.words import columns, number, one_line, shorten, shortened, wrap, wrap_parts

__all__ = [
    "BLACK",
    "BLUE",
    "CYCLE",
    "DPI",
    "GREEN",
    "GREY",
    "LINES",
    "LOOK",
    "MARKERS",
    "ORANGE",
    "PALE",
    "PANELS",
    "VERMILION",
    "axis_name",
    "bold",
    "common_legend",
    "finish",
    "first_panels",
    "fonts",
    "grid_of",
    "legible",
    "legible_names",
    "log_scale",
    "new_figure",
    "panels",
    "styled",
    "thinned",
]

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#5F6368", "#D5D8DC"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Colours of Okabe & Ito (2008), told apart with every common colour blindness; their yellow is too pale on white."""
LINES: tuple[str | tuple[int, tuple[int, ...]], ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (8, 2)),
    (0, (1, 1)),
    (0, (3, 1)),
)
"""Line styles beside the colours: a black-and-white print is read too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DPI = 150
PANELS = 6
"""Most targets drawn in one figure."""
FALLBACK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Hiragino Sans",
    "Hiragino Kaku Gothic ProN",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
    "IPAexGothic",
    "IPAGothic",
    "IPAPGothic",
    "TakaoGothic",
    "VL Gothic",
    "Droid Sans Fallback",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Symbols2",
    "Symbola",
)
"""Fonts with the scripts that DejaVu Sans lacks, Japanese first; those that are installed are used."""
LOOK: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#E6E8EA",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "lines.linewidth": 1.8,
}

P = ParamSpec("P")


MISSING = "\N{REPLACEMENT CHARACTER}"
"""Stands for characters that no installed font has."""
NO_FONT = f"{MISSING} stands for characters that no installed font has; Noto Sans CJK has most of them."


@lru_cache(maxsize=1)
def fonts() -> tuple[str, ...]:
    """Return the installed font families, the default first, then those for further scripts."""
    if not set(FALLBACK_FONTS) & set(font_manager.get_font_names()):
        _add_new_fonts()
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed))


def _add_new_fonts() -> None:
    """Tell matplotlib of fonts that were installed after it wrote its list of them, which it never looks at again."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            with suppress(
                OSError, RuntimeError, ValueError, KeyError
            ):  # a font it cannot read, as when it made the list
                font_manager.fontManager.addfont(path)


@lru_cache(maxsize=1)
def _faces() -> tuple[str, ...]:
    return tuple(font_manager.findfont(font_manager.FontProperties(family=[name])) for name in fonts())


@lru_cache(maxsize=4096)
def _shown(character: str) -> bool:
    """Tell whether some installed font has the character."""
    return any(font_manager.get_font(face).get_char_index(ord(character)) for face in _faces())


def legible(text: str) -> str:
    """Return text as it can be drawn: one line, no formulas read into dollar signs, and no empty boxes."""
    known = "".join(c if c == " " or _shown(c) else MISSING for c in one_line(text))
    return re.sub(f"{MISSING}+", MISSING, known).replace("$", r"\$")


def bold(text: str) -> dict[str, Any]:
    """Return the look of a heading: bold where the default font has all of it; others often have no bold face."""
    face = font_manager.get_font(_faces()[0])
    known = all(face.get_char_index(ord(c)) for c in text if c != "\n")
    return {"fontweight": "bold", "family": "DejaVu Sans"} if known else {}


def legible_names(names: Sequence[str], width: int) -> list[str]:
    """Return names that can be drawn in ``width`` columns and still tell their things apart, by number where need be."""
    drawn = [legible(name) for name in shortened(names, width)]
    return [f"{name} {i}" if MISSING in name else name for i, name in enumerate(drawn, 1)]


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in this look and leave matplotlib's settings as they were."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context({**LOOK, "font.family": list(fonts())}):
            return draw(*args, **kwargs)

    return in_style


def new_figure(width: float = 7.0, height: float = 5.0) -> Figure:
    """Return an empty figure, inches, that belongs to no window and to no global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(
    n: int, single: tuple[float, float] = (7.0, 5.0), each: tuple[float, float] = (3.6, 3.3)
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``n`` axes: one of ``single`` inches, or a grid of at most three columns of ``each``."""
    if n == 1:
        figure = new_figure(*single)
        return figure, [figure.add_subplot()]
    across, down = grid_of(n)
    figure = new_figure(each[0] * across, each[1] * down + 0.8)
    return figure, [figure.add_subplot(down, across, i + 1) for i in range(n)]


def grid_of(n: int) -> tuple[int, int]:
    """Return the columns and rows in which ``n`` panels stand."""
    across = {1: 1, 2: 2, 4: 2}.get(n, 3)
    return across, -(-n // across)


def finish(figure: Figure, title: str, subtitle: str = "", note: str = "") -> Figure:
    """Write title and subtitle at the top left and a note at the bottom, wrapped, and keep their places free."""
    width, height = figure.get_size_inches()
    head = wrap(title, int(width * 11.2))
    below = wrap_parts(subtitle, int(width * 12.6))
    top = 0.10 + 0.235 * len(head.splitlines())
    figure.text(0.12 / width, 1 - 0.09 / height, _lines(head), va="top", fontsize=12.5, **bold(head))
    figure.text(0.12 / width, 1 - top / height, _lines(below), va="top", color=GREY)
    top += 0.19 * len(below.splitlines())
    foot = _note(figure, note)
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0.0, foot / height, 1.0, 1.0), figure.transFigure)
        foot += legend.get_window_extent().height / figure.dpi + 0.12
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.005, foot / height, 0.985, 1 - (top + foot + 0.05) / height))  # type: ignore[call-arg]  # of the constrained engine
    return figure


def _note(figure: Figure, note: str) -> float:
    """Write the note, with a word on missing fonts where one is due, and return the height it takes in inches."""
    lacking = any(MISSING in text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))
    said = wrap(" ".join(filter(None, [note, NO_FONT if lacking else ""])), int(figure.get_figwidth() * 14.5))
    if not said:
        return 0.0
    width, height = figure.get_size_inches()
    figure.text(0.12 / width, 0.05 / height, _lines(said), va="bottom", fontsize=9, color=GREY)
    return 0.08 + 0.165 * len(said.splitlines())


def _lines(text: str) -> str:
    return "\n".join(legible(line) for line in text.splitlines())


def axis_name(name: str, unit: str | None, most: int = 46, prefix: str = "") -> str:
    """Return the label of an axis in at most two lines, with its unit where one was stated; a long name is cut."""
    said = unit is not None and name.rstrip().endswith((f"({unit})", f"[{unit}]"))
    tail = f" ({shorten(unit, most)})" if unit and not said else ""
    ahead = f"{prefix} " if prefix else ""
    room = 2 * most - columns(ahead) - columns(tail) - most // 3
    return _lines(wrap(f"{ahead}{shorten(name, max(room, 8))}{tail}", most))


def log_scale(axes: Axes, axis: str = "y") -> None:
    """Make an axis logarithmic, its ticks labelled in plain numbers."""
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    (axes.set_yscale if axis == "y" else axes.set_xscale)("log")
    chosen.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    chosen.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def common_legend(figure: Figure, across: int = 4) -> None:
    """Put one legend for all axes at the bottom, where it hides no data; entries of the same name appear once."""
    found = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if found:
        fitting = int(figure.get_figwidth() * 11 // (max(map(columns, found)) + 7))
        figure.legend(
            list(found.values()), list(found), loc="lower center", ncols=_even(len(found), max(1, min(across, fitting)))
        )


def _even(n: int, most: int) -> int:
    """Return in how many columns ``n`` entries stand so that their rows are alike."""
    return -(-n // -(-n // most))


def thinned(n: int, most: int, seed: int = 0) -> np.ndarray:
    """Return the rows that are drawn, (≤ most,): all, or a random sample in order."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def first_panels(names: Sequence[str], labelled: Sequence[int]) -> tuple[list[int], str]:
    """Return which targets are drawn, in their order, and a note where some are not."""
    if len(names) <= PANELS:
        return list(range(len(names))), ""
    most = sorted(range(len(names)), key=lambda i: -labelled[i])[:PANELS]
    told = (
        f"{PANELS} of {len(names)} targets are drawn, those with the most labelled rows; results/metrics.json has all."
    )
    return sorted(most), told
