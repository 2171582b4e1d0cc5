"""What a design is compared with, at the same number of predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scitrain.evaluation.bootstrap import wilson
from scitrain.generation.generators import Generator
from scitrain.generation.goals import Goal
from scitrain.generation.pool import Pool
from scitrain.generation.ranking import directed
from scitrain.generation.satisfaction import miss
from scitrain.workflow.designing import Plan, design, ranked
from scitrain.workflow.screening import Screen

__all__ = ["TOP", "Known", "Rival", "best_known", "rivals", "topmost"]

TOP = 20
MOST = 5_000
"""Predictions that a rival is granted at most."""


MARGIN = 3
"""Known materials drawn for each prediction: some fall before it."""


@dataclass(frozen=True)
class Known:
    """Materials of the reference, with what was measured of them."""

    names: list[str]
    measured: Mapping[str, np.ndarray]
    """float (n,) by property, NaN where not measured."""


@dataclass(frozen=True)
class Rival:
    """How the best candidates of one way of searching do."""

    name: str
    predictions: int
    top: list[str]
    satisfied: int
    """Of the top ones, as the predictors say."""
    chance: float
    """Their mean probability to satisfy every goal."""

    def interval(self) -> tuple[float, float, float]:
        """Return the share of `TOP` that satisfies every goal, and Wilson's interval."""
        share = self.satisfied / TOP
        return share, *wilson(share, TOP)


def topmost(name: str, pool: Pool, goals: Mapping[str, Goal], scales: Mapping[str, float]) -> Rival:
    """Describe the `TOP` candidates of a pool, ranked by the models."""
    found = ranked(pool, goals, scales)
    order = [int(i) for i in np.argsort(-found.score, kind="stable")[:TOP] if np.isfinite(found.score[i])]
    chance = float(found.chance[order].mean()) if order else 0.0
    return Rival(name, pool.predicted, [pool.names[i] for i in order], int(found.satisfied[order].sum()), chance)


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
    """Return random search over the reference, the best of the reference by measurement, and the generator without learning."""
    most = min(plan.predictions, MOST)
    rows = np.random.default_rng(plan.seed).permutation(len(known.names))[: MARGIN * most]
    drawn = screen.look([known.names[i] for i in rows], most)
    found = [topmost("random known materials", drawn, plan.goals, scales)]
    best = [known.names[i] for i in best_known(known, plan.goals, scales)[:most]]
    found.append(_first("best known, as measured", screen, best, plan, scales))
    blind = replace(plan, predictions=most, learn=False)
    pool = design(make(), screen, (frozenset(known.names), scales), blind, None).pool
    return [*found, topmost("same generator, blind", pool, plan.goals, scales)]


def _first(name: str, screen: Screen, names: Sequence[str], plan: Plan, scales: Mapping[str, float]) -> Rival:
    """Take the first that pass the filters, in the order given: no model ranks them."""
    pool = screen.look(names[: 10 * TOP], len(names))
    found = ranked(pool, plan.goals, scales)
    alive = [i for i, reason in enumerate(pool.reasons) if not reason][:TOP]
    chance = float(found.chance[alive].mean()) if alive else 0.0
    return Rival(name, 0, [pool.names[i] for i in alive], int(found.satisfied[alive].sum()), chance)
