"""Figures of a run as a page holds them: in itself, with a heading and with words for those who cannot see them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scitrain.runs import Run

__all__ = ["Picture", "pictures"]


@dataclass(frozen=True)
class Picture:
    """One figure in the page."""

    title: str
    alternative: str
    """What it shows, for those who cannot see it."""
    uri: str
    """The PNG itself, as a data URI."""


def pictures(run: Run, titles: Mapping[str, tuple[str, str]]) -> list[Picture]:
    """Return the PNG figures of a run: those of ``titles`` first, in its order, by file name → (heading, alternative text)."""
    names = [name for name in run.artifacts() if name.startswith("figures/") and name.endswith(".png")]
    found = {Path(name).stem: run.path / name for name in names}
    known = [stem for stem in titles if stem in found]
    ordered = (*known, *sorted(found.keys() - titles.keys()))
    return [
        _picture(found[stem], *titles.get(stem, (stem.replace("_", " "), f"Figure {stem.replace('_', ' ')}.")))
        for stem in ordered
    ]


def _picture(path: Path, title: str, alternative: str) -> Picture:
    return Picture(title, alternative, f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}")
