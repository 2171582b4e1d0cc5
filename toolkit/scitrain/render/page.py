"""A page of words, tables and figures about a run that has no test split: ``report.html``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scitrain.render.markup import environment
from scitrain.render.pictures import pictures
from scitrain.render.table import Table
from scitrain.runs import Run, atomic_write

__all__ = ["Page", "render_page"]

REPORT = "report.html"


@dataclass(frozen=True)
class Page:
    """What a page says, beside its figures and its record."""

    title: str
    summary: str
    headline: str
    limits: Sequence[str]
    """What not to believe."""
    parts: Sequence[Table]
    """Results; empty tables are left out."""
    whole: str
    """Where everything is, as the end of a sentence."""
    verdicts: Sequence[str] = ()
    outcome: str = ""
    """``beats`` or ``does_not_beat``, which colours the headline."""
    calls: Sequence[tuple[str, str]] = ()
    """Where, and what to write there to go on."""
    definitions: Sequence[tuple[str, str]] = ()
    made: Sequence[Table] = ()
    """Choices and versions."""


def render_page(run: Run, page: Page, titles: Mapping[str, tuple[str, str]]) -> Path:
    """Write the page with the figures of the run, those of ``titles`` first: file name → (heading, alternative text)."""
    record = run.record()
    told = {
        **vars(page),
        "record": record,
        "request": json.dumps(record.spec, indent=2, ensure_ascii=False),
        "pictures": pictures(run, titles),
    }
    return atomic_write(run.path / REPORT, environment().get_template("page.html.j2").render(told))
