"""The page about candidates that a generator drew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scitrain.figures.words import count, number, percent
from scitrain.render.candidates import CANDIDATES, COMPOSITIONS, DOUBT, TITLES, first_rows
from scitrain.render.generator_card import FAMILIES, WRITES, made_by
from scitrain.render.page import Page, render_page
from scitrain.render.table import table
from scitrain.runs import Run

__all__ = ["GENERATION", "render_generated"]

GENERATION = "results/generation.json"
HEADINGS = {
    "asked": (
        "Asked and got",
        "Scatter plot of calculated properties of the candidates against what each was asked for.",
    ),
    "candidate_distributions": ("Properties", "Histograms of properties of the candidates and of training strings."),
    **TITLES,
}
UNJUDGED = (
    "Valid, different and not among the training data is all that is known of these: evaluate_candidates judges them."
)


def render_generated(run: Run) -> Path:
    """Write ``report.html`` from the files of the run.

    Raises:
        RunStateError: The run has no ``results/generation.json``.
        KeyError: A number is not there.
    """
    facts, made = run.read_json(GENERATION), made_by(run.record())
    what = WRITES[facts["kind"]]
    page = Page(
        title=f"Drawn: {count(facts['found'])} {what}",
        summary=f"By {FAMILIES[facts['family']]}, run {facts['generator']}; {count(facts['wanted'])} were wanted.",
        headline=f"{count(facts['found'])} found among {count(facts['drawn'])} draws, {percent(facts['valid_share'])} of them valid",
        verdicts=[*(one["sentence"] for one in facts["heeded"]), *facts["warnings"]],
        limits=[UNJUDGED, *DOUBT, *(COMPOSITIONS if facts["kind"] == "formula" else [])],
        parts=[
            table("Asked for", ("property", "value"), facts["conditions"].items()),
            table(
                "Why draws were rejected",
                ("why", "number"),
                [(w, count(n)) for w, n in facts["rejected"].items()],
                numeric=True,
            ),
            first_rows(run, CANDIDATES),
            table("Drawing", ("what", "value"), _drawing(facts)),
        ],
        calls=[
            (
                "In Python",
                f"import scitrain\n\nprint(scitrain.EvaluateCandidates(candidates={run.id!r}).run().summary())",
            )
        ],
        whole="results/candidates.csv has every candidate",
        made=[made["decisions"], made["environment"]],
    )
    return render_page(run, page, HEADINGS)


def _drawing(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("stopped because", facts["stopped"]),
        ("time", f"{number(facts['seconds'])} s"),
        ("found a second", number(facts["per_second"])),
    ]
