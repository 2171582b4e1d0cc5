"""What a design is compared with, at the number of predictions that it made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scitrain.evaluation.bootstrap import wilson
from scitrain.figures.words import number, with_unit
from scitrain.generation.generators import Generator
from scitrain.generation.goals import Goal
from scitrain.generation.pool import Pool, joined
from scitrain.generation.ranking import Ranked, directed
from scitrain.generation.satisfaction import miss
from scitrain.workflow.designing import Plan, design, ranked
from scitrain.workflow.screening import Screen

__all__ = ["TOP", "Known", "Rival", "best_known", "bounded", "rivals", "topmost"]

TOP = 20
MARGIN = 3
"""Known materials drawn for each prediction: some fall before it."""


@dataclass(frozen=True)
class Known:
    """Materials of the reference, with what was measured of them."""

    names: list[str]
    measured: Mapping[str, np.ndarray]
    """float (n,) by property, NaN where not measured."""
    learned: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By predicted property the least and the largest training label."""


@dataclass(frozen=True)
class Rival:
    """How the best candidates of one way of searching do."""

    name: str
    predictions: int
    top: list[str]
    satisfied: int
    """Of the top ones, as the predictors say."""
    chance: float | None
    """Their mean probability to satisfy every goal; None where all goals are directions alone, which nothing can miss."""
    means: Mapping[str, float]
    """By goal with a direction, their mean value, as the predictors say."""
    bests: Mapping[str, float]
    """The same, the best value."""

    def interval(self) -> tuple[float, float, float]:
        """Return the share of `TOP` that satisfies every goal, and Wilson's interval."""
        share = self.satisfied / TOP
        return share, *wilson(share, TOP)

    def values(self, units: Mapping[str, str]) -> list[str]:
        """Return mean and best of each goal with a direction, as a person reads them."""
        return [
            f"mean {name} {with_unit(number(mean), units[name])} (best {number(self.bests[name])})"
            for name, mean in self.means.items()
        ]

    def words(self, units: Mapping[str, str]) -> str:
        """Return how they do, and what it cost, in a line."""
        told = [] if self.chance is None else [f"{self.satisfied} of {TOP} satisfy every goal"]
        what = "; ".join([*told, *self.values(units)]) or "found none"
        return f"{self.name} ({self.predictions:,} predictions): {what}"


def bounded(goals: Mapping[str, Goal]) -> bool:
    """Tell whether a goal has an end, so that it can be missed."""
    return any(np.isfinite(goal.ends).any() for goal in goals.values())


def topmost(name: str, pool: Pool, goals: Mapping[str, Goal], scales: Mapping[str, float]) -> Rival:
    """Describe the `TOP` candidates of a pool, ranked by the models."""
    found = ranked(pool, goals, scales)
    order = [int(i) for i in np.argsort(-found.score, kind="stable")[:TOP] if np.isfinite(found.score[i])]
    return _described(name, pool.predicted, pool, found, (order, goals))


def _described(name: str, spent: int, pool: Pool, found: Ranked, chosen: tuple[list[int], Mapping[str, Goal]]) -> Rival:
    rows, goals = chosen
    likely = float(found.chance[rows].mean()) if rows else 0.0
    sought = {one: goal.direction for one, goal in goals.items() if goal.direction is not None and rows}
    values = {one: pool.property(one)[rows] for one in sought}
    return Rival(
        name,
        spent,
        [pool.names[i] for i in rows],
        int(found.satisfied[rows].sum()),
        likely if bounded(goals) else None,
        {one: float(of.mean()) for one, of in values.items()},
        {one: float(of.max() if sought[one] == "maximize" else of.min()) for one, of in values.items()},
    )


def best_known(known: Known, goals: Mapping[str, Goal], scales: Mapping[str, float]) -> np.ndarray:
    """Return the rows of the known materials, those first whose measured values miss the goals by least."""
    total, outside = np.zeros(len(known.names)), np.zeros(len(known.names), dtype=bool)
    for name, goal in goals.items():
        values = known.measured.get(name)
        if values is not None:
            apart = miss(goal, values, scales[name])
            outside |= apart > 0
            total += np.where(np.isfinite(values), np.log1p(apart) - directed(goal, values) / scales[name], 10.0)
    return np.lexsort((total, outside))


def rivals(
    make: Callable[[], Generator], screen: Screen, known: Known, scales: Mapping[str, float], plan: Plan
) -> list[Rival]:
    """Return random search over the reference, the best of the reference by measurement, and the generator without learning.

    ``plan`` grants each the predictions that it names; the known materials may yield fewer.
    """
    most = plan.predictions
    found = [topmost("random known materials", _random(screen, known, plan), plan.goals, scales)]
    best = [known.names[i] for i in best_known(known, plan.goals, scales)[:most]]
    found.append(_first("best known, as measured", screen, best, plan, scales))
    blind = replace(plan, learn=False, seconds=None)  # as many predictions, not as many seconds
    pool = design(make(), screen, (frozenset(known.names), scales), blind, None).pool
    return [*found, topmost("same generator, blind", pool, plan.goals, scales)]


def _random(screen: Screen, known: Known, plan: Plan) -> Pool:
    """Look at known materials in random order until as many as the plan grants are predicted, or none is left."""
    order = np.random.default_rng(plan.seed).permutation(len(known.names))
    pools, step = [screen.look([], 0)], max(1, MARGIN * plan.predictions)
    for begin in range(0, len(order), step):
        wanted = plan.predictions - sum(pool.predicted for pool in pools)
        if wanted <= 0:
            break
        pools.append(screen.look([known.names[i] for i in order[begin : begin + step]], wanted))
    return joined(pools)


def _first(name: str, screen: Screen, names: Sequence[str], plan: Plan, scales: Mapping[str, float]) -> Rival:
    """Take the first that pass the filters, in the order given: no model ranks them."""
    pool = screen.look(names[: 10 * TOP], len(names))
    found = ranked(pool, plan.goals, scales)
    alive = [i for i, reason in enumerate(pool.reasons) if not reason][:TOP]
    return _described(name, 0, pool, found, (alive, plan.goals))
