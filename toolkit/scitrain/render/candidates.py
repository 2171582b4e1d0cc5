"""The page about judged or designed candidates, written from the record and the results alone."""

import csv
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from scitrain.figures.words import DASH, count, number, with_interval
from scitrain.render.page import Page, render_page
from scitrain.render.table import Table, table
from scitrain.runs import Run

__all__ = ["CANDIDATES", "EVERY", "HEADLINES", "TITLES", "first_rows", "measure_words", "render_judged"]

CANDIDATES = "results/candidates.csv"
EVERY = "results/candidates.csv has every candidate with every criterion"
SHOWN = 20
HEADLINES = {
    "smiles": ("validity", "uniqueness", "novelty", "internal_diversity", "filters_passed"),
    "formula": ("validity", "balanced", "uniqueness", "novelty", "nearest_distance"),
}
TITLES = {
    "funnel": ("From candidates to survivors", "Bars of how many candidates were left after each criterion."),
    "pareto": ("Trade-off", "Scatter plot of the candidates by two goals with the Pareto front."),
    "progress": ("Rounds", "Share of candidates that satisfy all goals, and the best score, by predictor calls."),
    "search": (
        "Against a blind search",
        "Dot plot of how many of the top candidates satisfy every goal, by way of searching.",
    ),
    "asked": ("Asked and got", "Scatter plot of properties of the candidates against what each was asked for."),
    "molecules": ("Molecules", "Drawings of the first candidates with their properties."),
    "elements": ("Elements", "Periodic table coloured by the share of candidates with each element."),
    "distributions": ("Properties", "Histograms of properties of the candidates and of the reference."),
}
DOUBT = [
    "A prediction is no measurement, and a structural alert no proof: what counts is what a laboratory finds.",
    "High validity says that the grammar was learned; novelty and the nearest known material say whether anything else was.",
]
COMPOSITIONS = [
    "Charge balance holds for ionic compounds: real metals and intermetallics fail it, and random formulas often pass (see beside).",
    "A composition is no structure: whether it forms, and in which phase, is not said here.",
]
MOLECULES = [
    "QED and SA rate resemblance to known drugs and fragments; a molecule may be good and rated badly, or the other way round."
]


class _Said:
    """A measure as `with_interval` reads it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.value, self.low, self.high = told["value"], told["low"], told["high"]


def measure_words(told: Mapping[str, Any]) -> str:
    """Return the value with interval and unit, or why there is none."""
    if told["value"] is None:
        return f"{DASH} ({told.get('reason') or 'undefined'})"
    return with_interval(_Said(told), told["unit"])


def render_judged(run: Run, metrics: str, candidates: str) -> Path:
    """Write the page about judged candidates."""
    facts = run.read_json(metrics)
    measures = {told["name"]: told for told in facts["measures"]}
    head = "; ".join(
        f"{name.replace('_', ' ')} {number(measures[name]['value'])}"
        for name in HEADLINES[facts["modality"]]
        if name in measures
    )
    what = "molecules" if facts["modality"] == "smiles" else "compositions"
    beside = (
        f" Compared with {facts['reference']} ({count(facts['reference_size'])} different)."
        if facts["reference"]
        else ""
    )
    limits = [*DOUBT, *(MOLECULES if facts["modality"] == "smiles" else COMPOSITIONS), *facts["notes"]]
    if not facts["reference"]:
        limits.append("No reference set was given: novelty and the distance to what is known are not told.")
    page = Page(
        title=f"Judged: {count(facts['candidates'])} {what}",
        summary=f"{count(facts['candidates'])} {what}, {count(facts['described'])} described one by one.{beside}",
        headline=head,
        verdicts=[f"wanted: {name} {words}" for name, words in facts["conditions"].items()],
        limits=limits,
        parts=[measures_table(facts["measures"]), first_rows(run, candidates), _invalid(facts["invalid"])],
        definitions=[(told["name"].replace("_", " "), told["what"]) for told in facts["measures"]],
        whole=EVERY,
    )
    return render_page(run, page, TITLES)


def measures_table(measures: Sequence[Mapping[str, Any]]) -> Table:
    """Return all figures, with those of known sets beside."""
    rows = []
    for told in measures:
        beside = tuple(f"{name}: {number(value)}" for name, value in told["beside"].items()) or (DASH,)
        rows.append(
            (
                told["name"].replace("_", " "),
                (measure_words(told), *filter(None, [told.get("note")])),
                count(told["n"]),
                beside,
            )
        )
    return table("Figures, with 95 % intervals", ("figure", "value", "n", "beside"), rows)


def first_rows(run: Run, candidates: str, caption: str = "First candidates") -> Table:
    """Return the first rows of the table of candidates, without the columns that none of them fills."""
    with (run.path / candidates).open(encoding="utf-8", newline="") as file:
        rows = list(islice(csv.DictReader(file), SHOWN))
    if not rows:
        return table(caption, (), ())
    first, *others = rows[0]
    filled = [name for name in others if any(row[name] for row in rows)]
    return table(caption, (first, *filled), [(row[first], *(row[name] or DASH for name in filled)) for row in rows])


def _invalid(found: Mapping[str, str]) -> Table:
    return table("The first that cannot be read", ("row", "why"), found.items())
