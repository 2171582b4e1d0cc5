"""What a design writes: every candidate with every criterion and why losers lost, figures, the page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.figures.comparison import Compared, comparison
from scitrain.figures.design_front import Axis, design_front
from scitrain.figures.design_progress import design_progress
from scitrain.figures.element_shares import element_shares
from scitrain.figures.funnel import funnel
from scitrain.figures.molecule_grid import molecule_grid
from scitrain.figures.save import save
from scitrain.figures.words import count, joined, number
from scitrain.generation.compositions import element_shares as shares_of
from scitrain.generation.goals import Goal
from scitrain.generation.ranking import Ranked, directed, front
from scitrain.render.candidates import EVERY, TITLES, first_rows
from scitrain.render.page import Page, render_page
from scitrain.render.table import table
from scitrain.runs import Run
from scitrain.workflow.candidate_rows import CANDIDATES
from scitrain.workflow.design_rivals import TOP, Known, Rival
from scitrain.workflow.designing import Found
from scitrain.workflow.judged_files import Row, short, write_rows
from scitrain.workflow.screening import Screen
from scitrain.workflow.stages import stage

__all__ = ["DESIGN", "Outcome", "outcome", "write_design"]

DESIGN = "results/design.json"
FRONT_OF = 2_000
"""Best candidates among which the front is looked for."""
STEPS = {
    "elements": "of allowed elements",
    "budget": "within the budget of predictions",
    "predicted": "can be predicted",
    "domain": "inside the training domain",
}
"""What is said of a candidate that passed; of others, the name of the filter or property."""


@dataclass(frozen=True)
class Outcome:
    """A design, ranked."""

    found: Found
    screen: Screen
    goals: Mapping[str, Goal]
    ranked: Ranked
    order: np.ndarray
    """Rows of the pool, the best first, those given up last."""
    on_front: np.ndarray
    """bool (m,)."""
    own: Rival
    others: Sequence[Rival]
    known: Known

    @property
    def satisfied(self) -> int:
        """Number of candidates that satisfy every goal, as the predictors say."""
        return int(self.ranked.satisfied.sum())

    def nearest(self) -> str:
        """Return what the best candidate misses."""
        alive = [int(i) for i in self.order if np.isfinite(self.ranked.score[i])]
        if not alive:
            return "no candidate passes constraints and filters"
        best, pool = alive[0], self.found.pool
        parts = []
        for name, goal in self.goals.items():
            said = f"{name} {number(float(pool.property(name)[best]))}"
            parts.append(
                said
                if self.ranked.misses[name][best] == 0
                else f"{said} (wanted {goal.words(self.screen.units[name])})"
            )
        return f"the nearest is {pool.names[best]}: {', '.join(parts)}"

    def sentence(self) -> str:
        """Say whether the goals can be met."""
        if self.satisfied:
            return f"{self.satisfied:,} of {self.found.pool.predicted:,} predicted candidates satisfy every goal, as the predictors say"
        single = [f"{name}: {self._alone(name):,}" for name in self.goals]
        return (
            f"none of {self.found.pool.predicted:,} predicted candidates satisfies every goal (each goal alone: {', '.join(single)}); "
            f"the goals may contradict one another; {self.nearest()}"
        )

    def _alone(self, name: str) -> int:
        alive = np.isfinite(self.ranked.score)
        return int((alive & (self.ranked.misses[name] == 0)).sum())


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
            "satisfied": done.satisfied,
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
    told: Row = {
        "rank": rank,
        "canonical": pool.names[i],
        "satisfied": bool(ranks.satisfied[i]),
        "confidence": short(ranks.chance[i]),
    }
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


def _missed(done: Outcome, i: int) -> str:
    """Return which goals a candidate that was not given up misses."""
    pool = done.found.pool
    missed = [name for name in done.goals if done.ranked.misses[name][i] > 0]
    said = (
        f"{name} is {number(float(pool.property(name)[i]))}, wanted {done.goals[name].words(done.screen.units[name])}"
        for name in missed
    )
    return "; ".join(said)


def steps(done: Outcome) -> list[tuple[str, int]]:
    """Return how many candidates were left after each criterion, in the order they were asked."""
    counts, pool = done.found.funnel, done.found.pool
    fallen = Counter(stage for stage in pool.stages if stage)
    left = counts["new"]
    told = [("drawn", counts["drawn"]), ("readable", counts["readable"]), ("new", left)]
    computed = [name for name in done.screen.constraints if name not in pool.values]
    predicted = [name for name in done.screen.constraints if name in pool.values]
    for name in ("elements", *done.screen.filters, *computed, "budget", "predicted", "domain", *predicted):
        if fallen[name]:
            left -= fallen[name]
            told.append((STEPS.get(name, f"passed: {name.replace('_', ' ')}"), left))
    return [*told, ("satisfy every goal", done.satisfied)]


def _draw(run: Run, done: Outcome) -> None:
    pool = done.found.pool
    subtitle = joined(*(f"{name} {goal.words(done.screen.units[name])}" for name, goal in done.goals.items()))
    save(funnel(steps(done), subtitle), run.file("figures/funnel.png"))
    if done.found.rounds:
        save(design_progress(done.found.rounds, subtitle), run.file("figures/progress.png"))
    alive = np.isfinite(done.ranked.score)
    if len(done.goals) > 1 and len(pool):
        x, y = (_axis(done, name) for name in list(done.goals)[:2])
        save(design_front(x, y, alive, done.on_front, subtitle), run.file("figures/pareto.png"))
    if done.others:
        entries = [_compared(done.own, emphasis=True), *map(_compared, done.others)]
        told = f"of the {TOP} ranked first by each, share that satisfies every goal as the predictors say; in brackets: predictions made"
        save(comparison(entries, "goals met", "", True, told), run.file("figures/search.png"))
    best = [int(i) for i in done.order[:TOP] if alive[i]]
    if best and done.screen.kind == "smiles":
        captions = [
            [pool.names[i], ", ".join(_said(done, i)), f"confidence {number(done.ranked.chance[i], 2)}"] for i in best
        ]
        save(
            molecule_grid([pool.names[i] for i in best], captions, "The first candidates", subtitle),
            run.file("figures/molecules.png"),
        )
    elif best:
        drawn = element_shares(
            shares_of(pool.names[i] for i in best),
            shares_of(done.known.names),
            f"the {len(best)} candidates ranked first",
        )
        save(drawn, run.file("figures/elements.png"))


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
            ("way", "predictions", "satisfy every goal", "mean confidence"),
            _ways(done),
        ),
        first_rows(run, CANDIDATES, "The first candidates"),
    ]
    page = Page(
        title=f"Designed: {', '.join(done.goals)}",
        summary=f"{count(done.found.funnel['drawn'])} candidates drawn, {count(done.found.pool.predicted)} predicted; {done.found.why}.",
        headline=done.sentence(),
        outcome="beats" if done.satisfied else "does_not_beat",
        verdicts=[f"{share:.0%} of the {TOP} ranked first satisfy every goal"] if done.satisfied else [],
        limits=LIMITS,
        parts=parts,
        whole=EVERY,
    )
    render_page(run, page, TITLES)


def _ways(done: Outcome) -> list[tuple[str, str, str, str]]:
    return [
        (one.name, count(one.predictions), f"{one.satisfied} of {TOP}", number(one.chance, 2))
        for one in (done.own, *done.others)
    ]
