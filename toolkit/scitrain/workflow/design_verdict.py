"""A design, ranked, and what is said of it: whether the goals can be met, and if not, why not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.errors import listed
from scitrain.figures.words import number
from scitrain.generation.goals import Goal
from scitrain.generation.ranking import Ranked
from scitrain.generation.satisfaction import miss
from scitrain.workflow.design_rivals import TOP, Known, Rival, bounded
from scitrain.workflow.designing import Found
from scitrain.workflow.screening import Screen

__all__ = ["Outcome", "steps"]

STEPS = {
    "elements": "of allowed elements",
    "budget": "within the budget of predictions",
    "predicted": "can be predicted",
    "domain": "inside the training domain",
}
"""What is said of a candidate that passed; of others, the name of the filter or property."""
VOID = "the goals are directions alone, which nothing can miss, so nobody counts who satisfies them and there is no confidence"


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
    warnings: Sequence[str] = ()
    """Goals outside what was learned."""

    @property
    def satisfied(self) -> int:
        """Number of candidates that satisfy every goal, as the predictors say; of directions alone, that were not given up."""
        return int(self.ranked.satisfied.sum())

    @property
    def bounded(self) -> bool:
        """Tell whether a goal has an end, so that it can be missed."""
        return bounded(self.goals)

    @property
    def alive(self) -> np.ndarray:
        """Flags (m,): predicted, and not given up."""
        return np.asarray(np.isfinite(self.ranked.score))

    def first(self, most: int) -> list[tuple[int, int]]:
        """Return rank and row of the best that satisfy every goal, or, where none does, of the nearest that were not given up."""
        good = self.ranked.satisfied if self.satisfied else self.alive
        return [(rank, int(i)) for rank, i in enumerate(self.order, 1) if good[i]][:most]

    def told(self, i: int) -> str:
        """Return a candidate with the value of each goal, and what was wanted where it misses it."""
        parts = []
        for name, goal in self.goals.items():
            said = f"{name} {number(float(self.found.pool.property(name)[i]))}"
            missed = self.ranked.misses[name][i] > 0
            parts.append(f"{said} (wanted {goal.words(self.screen.units[name])})" if missed else said)
        return f"{self.found.pool.names[i]}: {', '.join(parts)}"

    def sentence(self) -> str:
        """Say whether the goals can be met; if not, what stood in the way, and what came nearest."""
        predicted, first = self.found.pool.predicted, self.first(1)
        if first and not self.bounded:
            return f"{VOID}; the first of {self.satisfied:,} left of {predicted:,} predicted candidates is {self.told(first[0][1])}"
        if self.satisfied:
            return f"{self.satisfied:,} of {predicted:,} predicted candidates satisfy every goal, as the predictors say"
        alone = {name: self._alone(name) for name in self.goals}
        single = ", ".join(f"{name}: {count:,}" for name, count in alone.items())
        told = [f"none of {predicted:,} predicted candidates satisfies every goal (each goal alone: {single})"]
        told += _why(self, alone)
        near = f"the nearest is {self.told(first[0][1])}" if first else "no candidate passes constraints and filters"
        return "; ".join([*told, near])

    def _alone(self, name: str) -> int:
        return int((self.alive & (self.ranked.misses[name] == 0)).sum())


def _why(done: Outcome, alone: Mapping[str, int]) -> list[str]:
    """Return why none satisfies: known materials that do, goals that exclude one another, or the step that took most."""
    met = _known_ones(done)
    if met:
        return [*_most_lost(done), f"the goals do not exclude one another: {met}"]
    ends = [name for name in done.goals if np.isfinite(done.goals[name].ends).any()]
    if len(ends) > 1 and all(alone[name] for name in ends):
        return ["the goals may contradict one another"]
    never = [name for name in ends if not alone[name]]
    unmet = [f"none meets {listed(never)} even alone"] if done.alive.any() else []
    return [*_most_lost(done), *unmet]


def _known_ones(done: Outcome) -> str:
    """Return how many known materials meet every goal as measured, else as predicted in a rival search; empty for none."""
    measured = done.known.measured
    if all(name in measured for name in done.goals):
        met = np.all([miss(goal, measured[name], 1.0) == 0 for name, goal in done.goals.items()], axis=0)
        if met.any():
            return f"{int(met.sum()):,} of {len(met):,} known materials meet them, as measured or calculated"
    best = max(done.others, key=lambda one: one.satisfied, default=None)
    return f"{best.satisfied} of {TOP} of {best.name} meet them, as predicted" if best and best.satisfied else ""


def _most_lost(done: Outcome) -> list[str]:
    """Return the step before the goals that took most candidates; nothing where no step took any."""
    counts = done.found.funnel
    lost = {"readable": counts["drawn"] - counts["readable"], "new": counts["readable"] - counts["new"]}
    lost |= {STEPS.get(step, _passed(step)): n for step, n in _fallen(done).items()}
    step, n = max(lost.items(), key=lambda one: one[1])
    return [f"most were lost at the step {step!r}: {n:,} of {counts['drawn']:,} drawn"] if n else []


def _fallen(done: Outcome) -> Counter[str]:
    return Counter(stage for stage in done.found.pool.stages if stage)


def _passed(name: str) -> str:
    return f"passed: {name.replace('_', ' ')}"


def steps(done: Outcome) -> list[tuple[str, int]]:
    """Return how many candidates were left after each criterion, in the order they were asked."""
    counts, pool = done.found.funnel, done.found.pool
    fallen = _fallen(done)
    left = counts["new"]
    told = [("drawn", counts["drawn"]), ("readable", counts["readable"]), ("new", left)]
    computed = [name for name in done.screen.constraints if name not in pool.values]
    predicted = [name for name in done.screen.constraints if name in pool.values]
    for name in ("elements", *done.screen.filters, *computed, "budget", "predicted", "domain", *predicted):
        if fallen[name]:
            left -= fallen[name]
            told.append((STEPS.get(name, _passed(name)), left))
    return [*told, ("satisfy every goal", done.satisfied)] if done.bounded else told
