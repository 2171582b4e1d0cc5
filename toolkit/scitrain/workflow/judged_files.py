"""What judging candidates writes: every criterion of every row, the figures about the set, pictures, the page."""

import csv
import io
from collections.abc import Mapping

import numpy as np
from pydantic import JsonValue

from scitrain.figures.asked_and_got import AskedFor, asked_and_got
from scitrain.figures.candidate_distributions import candidate_distributions
from scitrain.figures.element_shares import element_shares
from scitrain.figures.molecule_grid import molecule_grid
from scitrain.figures.save import save
from scitrain.figures.words import count, joined, number
from scitrain.generation.heeding import varies
from scitrain.render.candidates import render_judged
from scitrain.runs import Run, atomic_write
from scitrain.workflow.candidate_rows import CANDIDATES
from scitrain.workflow.judged import Judged
from scitrain.workflow.stages import stage

__all__ = ["METRICS", "Row", "best_rows", "short", "write_judged", "write_rows"]

METRICS = "results/candidate_metrics.json"
Row = dict[str, object]
HEAVIEST = 400
"""Characters of a molecule that is still drawn."""
DRAWN = ("logp", "mol_weight", "tpsa", "qed", "sa", "cost", "hhi_production", "abundance", "elements", "atoms")


def write_judged(run: Run, judged: Judged, reference: str) -> None:
    """Write tables, figures and page; ``reference`` names what was compared with, empty for nothing."""
    _write_table(run, judged)
    given = judged.given
    content: dict[str, JsonValue] = {
        "modality": given.kind,
        "candidates": len(given.texts),
        "described": len(judged.names),
        "reference": reference or None,
        "reference_size": None if given.reference is None else len(given.reference),
        "level": 0.95,
        "conditions": {name: goal.words(judged.units[name]) for name, goal in judged.goals.items()},
        "measures": [measure.record() for measure in judged.measures],
        "notes": list(judged.notes),
        "invalid": {str(row + 1): reason for row, reason in list(given.errors.items())[:20]},
    }
    run.write_json(METRICS, content)
    with stage(run, "report", "drawing figures"):
        _draw(run, judged)
        render_judged(run, METRICS, CANDIDATES)


def _write_table(run: Run, judged: Judged) -> None:
    given, place = judged.given, {int(row): at for at, row in enumerate(judged.rows)}
    unique = set(given.unique.tolist())
    rows = []
    for row, text in enumerate(given.texts):
        told: Row = {
            "row": row + 1,
            "candidate": text,
            "canonical": given.names[row],
            "valid": bool(given.valid[row]),
            "unique": row in unique,
            "novel": "" if given.known is None or not given.valid[row] else not given.known[row],
        }
        if row in place:
            told |= described_row(judged, place[row])
        repeat = given.repeats.get(row)
        rows.append(told | {"error": given.errors.get(row, "" if repeat is None else f"repeats row {repeat + 1}")})
    write_rows(run, rows)


def described_row(judged: Judged, at: int) -> Row:
    """Return every criterion of one described candidate by column."""
    near = {} if judged.given.kind == "smiles" else {"nearest_known": judged.nearest[at]}
    name = "nearest_similarity" if judged.given.kind == "smiles" else "nearest_distance"
    told: Row = {**near, name: short(judged.distances[at])}
    told |= {name: short(values[at]) for name, values in judged.described.numbers.items()}
    told |= {name: bool(flags[at]) for name, flags in judged.described.flags.items()}
    told |= {name: words[at] for name, words in judged.described.words.items()}
    said = judged.predicted
    for target, values in said.values.items():
        told[f"{target}_predicted"] = short(values[at])
        if target in said.low:
            told |= {f"{target}_low": short(said.low[target][at]), f"{target}_high": short(said.high[target][at])}
    if said.inside is not None:
        told["in_domain"] = bool(said.inside[at])
    told |= {f"asked_{name}": short(values[at]) for name, values in judged.asked.items()}
    told |= {f"satisfied_{name}": bool(flags[at]) for name, flags in judged.satisfied.items()}
    return told


def short(value: float) -> str:
    """Return six digits, and nothing where there is no value."""
    return f"{value:.6g}" if np.isfinite(value) else ""


def write_rows(run: Run, rows: list[Row]) -> None:
    """Write ``results/candidates.csv``, the columns in the order in which rows bring them, the reason last."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "error"]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*names, "error"], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write(run.file(CANDIDATES), text.getvalue())


def best_rows(judged: Judged) -> np.ndarray:
    """Return the described rows, those first that satisfy most, then the drug-like or balanced ones."""
    met = sum((flags.astype(int) for flags in judged.satisfied.values()), np.zeros(len(judged.names), dtype=int))
    numbers, flags = judged.described.numbers, judged.described.flags
    second = numbers["qed"] if judged.given.kind == "smiles" else flags["balanced"].astype(float)
    return np.lexsort((-second, -met))


def _draw(run: Run, judged: Judged) -> None:
    if not judged.names:
        return
    subtitle = joined(
        f"{count(len(judged.given.texts))} candidates", f"{count(len(judged.names))} unique ones described"
    )
    values = {**judged.predicted.values, **{n: v for n, v in judged.described.numbers.items() if n in DRAWN}}
    reference: Mapping[str, np.ndarray] = {} if judged.reference is None else judged.reference.numbers
    wanted = {name: goal.ends for name, goal in judged.goals.items()}
    if any(np.isfinite(v).any() for v in values.values()):
        drawn = candidate_distributions(values, reference, judged.units, wanted, subtitle)
        save(drawn, run.file("figures/distributions.png"))
    if told := [
        AskedFor(name, judged.units[name], asked, judged.values(name))
        for name, asked in judged.asked.items()
        if varies(asked)
    ]:
        save(asked_and_got(told, subtitle), run.file("figures/asked.png"))
    if judged.given.kind == "formula":
        own, other = judged.shares
        save(element_shares(own, other, subtitle), run.file("figures/elements.png"))
        return
    shown = [int(at) for at in best_rows(judged) if len(judged.names[at]) <= HEAVIEST]
    if shown:
        captions = [_caption(judged, at) for at in shown]
        names = [judged.names[at] for at in shown]
        save(
            molecule_grid(names, captions, "Candidates", joined("those that satisfy most first", subtitle)),
            run.file("figures/molecules.png"),
        )


def _caption(judged: Judged, at: int) -> list[str]:
    numbers = judged.described.numbers
    lines = [
        judged.names[at],
        f"QED {number(numbers['qed'][at], 2)}, SA {number(numbers['sa'][at], 2)}, logP {number(numbers['logp'][at], 2)}",
    ]
    said = [f"{name} {number(values[at])}" for name, values in judged.predicted.values.items()]
    return [*lines, ", ".join(said)] if said else lines
