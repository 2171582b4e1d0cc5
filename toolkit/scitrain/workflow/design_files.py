"""What a design writes: every candidate with every criterion and why losers lost, figures, the page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from pydantic import JsonValue

from scitrain.figures.comparison import Compared, comparison
from scitrain.figures.design_front import Axis, design_front
from scitrain.figures.design_progress import design_progress
from scitrain.figures.element_shares import element_shares
from scitrain.figures.funnel import funnel
from scitrain.figures.molecule_grid import molecule_grid
from scitrain.figures.save import save
from scitrain.figures.words import DASH, count, joined, number
from scitrain.generation.compositions import element_shares as shares_of
from scitrain.generation.goals import Goal
from scitrain.generation.ranking import Ranked, directed, front
from scitrain.render.candidates import EVERY, TITLES, first_rows
from scitrain.render.page import Page, render_page
from scitrain.render.table import table
from scitrain.runs import Run
from scitrain.workflow.candidate_rows import CANDIDATES
from scitrain.workflow.design_rivals import TOP, Known, Rival
from scitrain.workflow.design_verdict import Outcome, steps
from scitrain.workflow.designing import Found
from scitrain.workflow.judged_files import Row, short, write_rows
from scitrain.workflow.screening import Screen
from scitrain.workflow.stages import stage

__all__ = ["DESIGN", "first_rows_of", "outcome", "write_design"]

DESIGN = "results/design.json"
FRONT_OF = 2_000
"""Best candidates among which the front is looked for."""


def outcome(
    found: Found, how: tuple[Screen, Mapping[str, Goal], Ranked], own: Rival, others: Sequence[Rival], known: Known
) -> Outcome:
    """Rank what a search found, and look for the front of all goals and the confidence."""
    screen, goals, ranks = how
    order = np.argsort(-ranks.score, kind="stable")
    alive = order[np.isfinite(ranks.score[order])][:FRONT_OF]
    objectives = [-ranks.misses[name][alive] for name in goals]
    for name, goal in goals.items():
        if goal.direction is not None:
            objectives.append(directed(goal, found.pool.property(name)[alive]))
    on_front = np.zeros(len(found.pool), dtype=bool)
    on_front[alive[front(np.column_stack([*objectives, ranks.chance[alive]]))]] = True
    return Outcome(found, screen, goals, ranks, order, on_front, own, others, known)


def write_design(run: Run, done: Outcome) -> None:
    """Write tables, figures and page."""
    with stage(run, "report", "writing candidates and figures"):
        write_rows(run, [_row(done, rank, int(i)) for rank, i in enumerate(done.order, 1)])
        content: dict[str, JsonValue] = {
            "modality": done.screen.kind,
            "goals": {name: goal.words(done.screen.units[name]) for name, goal in done.goals.items()},
            "constraints": {
                name: goal.words(done.screen.units[name]) for name, goal in done.screen.constraints.items()
            },
            "filters": list(done.screen.filters),
            "predictions": done.found.pool.predicted,
            "satisfied": done.satisfied if done.bounded else None,
            "warnings": list(done.warnings),
            "sentence": done.sentence(),
            "ended": done.found.why,
            "funnel": [{"step": name, "left": left} for name, left in steps(done)],
            "rounds": [dict(one) for one in done.found.rounds],
            "top": TOP,
            "search": [asdict(one) for one in (done.own, *done.others)],
        }
        run.write_json(DESIGN, content)
        _draw(run, done)
        _page(run, done)


def _row(done: Outcome, rank: int, i: int) -> Row:
    """Return every criterion of one candidate by column."""
    pool, ranks = done.found.pool, done.ranked
    told: Row = {"rank": rank, "canonical": pool.names[i]}
    if done.bounded:
        told |= {"satisfied": bool(ranks.satisfied[i]), "confidence": short(ranks.chance[i])}
    told["pareto"] = bool(done.on_front[i])
    for target, values in pool.values.items():
        told[f"{target}_predicted"] = short(values[i])
        if target in pool.low:
            told |= {f"{target}_low": short(pool.low[target][i]), f"{target}_high": short(pool.high[target][i])}
    told["in_domain"] = bool(pool.inside[i])
    told |= {f"miss_{name}": short(values[i]) for name, values in ranks.misses.items()}
    told |= {name: short(values[i]) for name, values in pool.numbers.items()}
    told |= {name: bool(flags[i]) for name, flags in pool.flags.items()}
    told |= {name: words[i] for name, words in pool.words.items()}
    told["rejected_at"] = pool.stages[i] or ("" if ranks.satisfied[i] else "goals")
    return told | {"error": pool.reasons[i] or _missed(done, i)}


def first_rows_of(done: Outcome, most: int) -> list[dict[str, JsonValue]]:
    """Return the rows of `Outcome.first` with numbers as numbers, without empty cells."""
    return [
        {name: _plain(value) for name, value in _row(done, rank, i).items() if value != ""}
        for rank, i in done.first(most)
    ]


def _plain(value: object) -> JsonValue:
    """Return a cell that `short` made a text as the number it was; NaN, sodium nitride, stays a text."""
    if not isinstance(value, str):
        return value if isinstance(value, bool | int | float) else str(value)
    try:
        found = float(value)
    except ValueError:
        return value
    if not np.isfinite(found):
        return value
    return int(found) if found.is_integer() else found


def _missed(done: Outcome, i: int) -> str:
    """Return which goals a candidate that was not given up misses."""
    pool = done.found.pool
    missed = [name for name in done.goals if done.ranked.misses[name][i] > 0]
    said = (
        f"{name} is {number(float(pool.property(name)[i]))}, wanted {done.goals[name].words(done.screen.units[name])}"
        for name in missed
    )
    return "; ".join(said)


def _draw(run: Run, done: Outcome) -> None:
    pool = done.found.pool
    subtitle = joined(*(f"{name} {goal.words(done.screen.units[name])}" for name, goal in done.goals.items()))
    save(funnel(steps(done), subtitle), run.file("figures/funnel.png"))
    if done.found.rounds and done.bounded:
        save(design_progress(done.found.rounds, subtitle), run.file("figures/progress.png"))
    if len(done.goals) > 1 and len(pool):
        x, y = (_axis(done, name) for name in list(done.goals)[:2])
        save(design_front(x, y, done.alive, done.on_front, subtitle), run.file("figures/pareto.png"))
    if done.others and done.bounded:
        entries = [_compared(done.own, emphasis=True), *map(_compared, done.others)]
        told = f"of the {TOP} ranked first by each, share that satisfies every goal as the predictors say; in brackets: predictions made"
        save(comparison(entries, "goals met", "", True, told), run.file("figures/search.png"))
    best = [i for _, i in done.first(TOP)]
    if best and done.screen.kind == "smiles":
        captions = [[pool.names[i], ", ".join(_said(done, i)), *_sure(done, i)] for i in best]
        drawn = molecule_grid([pool.names[i] for i in best], captions, _heading(done), subtitle)
        save(drawn, run.file("figures/molecules.png"))
    elif best:
        told = f"{_heading(done)} ({len(best)})"
        drawn = element_shares(shares_of(pool.names[i] for i in best), shares_of(done.known.names), told)
        save(drawn, run.file("figures/elements.png"))


def _heading(done: Outcome) -> str:
    return "The first candidates" if done.satisfied else "The nearest candidates: none satisfies every goal"


def _sure(done: Outcome, i: int) -> list[str]:
    return [f"confidence {number(done.ranked.chance[i], 2)}"] if done.bounded else []


def _axis(done: Outcome, name: str) -> Axis:
    measured = done.known.measured.get(name, np.zeros(0))
    return Axis(name, done.screen.units[name], done.found.pool.property(name), measured, done.goals[name].ends)


def _compared(one: Rival, emphasis: bool = False) -> Compared:
    share, low, high = one.interval()
    return Compared(f"{one.name} ({one.predictions:,})", share, low, high, emphasis=emphasis)


def _said(done: Outcome, i: int) -> list[str]:
    return [f"{name} {number(float(done.found.pool.property(name)[i]))}" for name in done.goals]


LIMITS = [
    "A search finds where a model errs in its favour as readily as where it is right: measure some before trusting the rest.",
    "The confidence takes errors as normal, independent between properties, and as large as on the validation rows.",
    "Charge balance, alerts and ease of synthesis are rules of thumb; a composition is no structure, and a drawn molecule no recipe.",
]


def _page(run: Run, done: Outcome) -> None:
    share = done.own.interval()[0]
    parts = [
        table(
            "Wanted",
            ("property", "goal"),
            [(name, goal.words(done.screen.units[name])) for name, goal in done.goals.items()],
        ),
        table(
            "From what was drawn to what is left",
            ("step", "left"),
            [(name, count(left)) for name, left in steps(done)],
            numeric=True,
        ),
        table(
            f"The {TOP} ranked first by each way",
            ("way", "predictions", "satisfy every goal", "mean confidence", "goals with a direction"),
            [_way(done, one) for one in (done.own, *done.others)],
        ),
        first_rows(run, CANDIDATES, _heading(done)),
    ]
    page = Page(
        title=f"Designed: {', '.join(done.goals)}",
        summary=f"{count(done.found.funnel['drawn'])} candidates drawn, {count(done.found.pool.predicted)} predicted; {done.found.why}.",
        headline=done.sentence(),
        outcome=("beats" if done.satisfied else "does_not_beat") if done.bounded else "",
        verdicts=[f"{share:.0%} of the {TOP} ranked first satisfy every goal"]
        if done.satisfied and done.bounded
        else [],
        limits=[*done.warnings, *LIMITS],
        parts=parts,
        whole=EVERY,
    )
    render_page(run, page, TITLES)


def _way(done: Outcome, one: Rival) -> tuple[str, str, str, str, tuple[str, ...]]:
    values = tuple(one.values(done.screen.units)) or (DASH,)
    if one.chance is None:
        return one.name, count(one.predictions), DASH, DASH, values
    return one.name, count(one.predictions), f"{one.satisfied} of {TOP}", number(one.chance, 2), values
