"""The search of a design: draw, screen, predict, rank, learn from the best, again."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scitrain.generation.generators import Generator
from scitrain.generation.given import identities
from scitrain.generation.goals import Goal
from scitrain.generation.pool import Pool, joined
from scitrain.generation.ranking import Ranked, rank, scale_of
from scitrain.runs import Run
from scitrain.workflow.screening import Screen

__all__ = ["Found", "Plan", "design", "ranked", "rounds_of", "scales_of"]

BARREN = 5
"""Rounds in a row without anything new to predict, after which the search ends."""
DRAWS = 5
"""Times that a round draws anew where filters leave fewer than it may predict."""
PARENTS = 0.25
"""Share of a round that the next one is made of, at least `FEWEST`."""
FEWEST = 10
STATE = "checkpoints/design"


@dataclass(frozen=True)
class Plan:
    """What is searched for, and how long."""

    goals: Mapping[str, Goal]
    predictions: int
    seed: int
    seconds: float | None
    """Budget of time; None is without end."""
    novel: bool
    """Whether materials of the reference are passed over."""
    learn: bool = True
    """False for a blind search: the generator is never told what was good."""


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    pool: Pool
    funnel: Counter[str]
    """Drawn, readable, new."""
    rounds: list[dict[str, float]]
    """Predictions so far, and the share of the round that satisfies every goal."""
    why: str
    """Why it ended."""


def rounds_of(predictions: int) -> int:
    """Return how many predictions a round makes: a tenth, between 20 and 1,000."""
    return int(np.clip(predictions // 10, 20, 1000))


def ranked(pool: Pool, goals: Mapping[str, Goal], scales: Mapping[str, float]) -> Ranked:
    """Rank a pool; what was given up ranks last."""
    values = {name: pool.property(name) for name in goals}
    found = rank(goals, values, pool.deviations, scales)
    alive = np.array([not reason for reason in pool.reasons], dtype=bool)
    return Ranked(found.misses, found.satisfied & alive, found.chance, np.where(alive, found.score, -np.inf))


def design(
    generator: Generator, screen: Screen, known: tuple[frozenset[str], Mapping[str, float]], plan: Plan, run: Run | None
) -> Found:
    """Search until the predictions or the time are used up, or nothing new comes.

    Each round is written down, so that a search that was stopped goes on after its last whole round.

    Args:
        generator: Draws candidates.
        screen: Judges them.
        known: Names of the reference, and by goal the unit in which a miss counts.
        plan: What is wanted.
        run: Where rounds are written and told; None for a search beside it.
    """
    reference, scales = known
    state = _State(run, plan, scales)
    seen = {*(reference if plan.novel else ()), *(name for pool in state.pools for name in pool.names)}
    for best in state.taught[:-1] if plan.learn else ():  # what an earlier process had taught it
        generator.tune(best)
    begin = time.monotonic()
    why = ""
    while not why:
        size = min(rounds_of(plan.predictions), plan.predictions - state.used)
        why = _end(size, state, plan, time.monotonic() - begin)
        if not why:
            if plan.learn and state.best:
                generator.tune(state.taught[-1])
            state.add(*_round(generator, screen, seen, size, plan, len(state.pools)))
    return Found(joined([screen.look([], 0), *state.pools]), state.funnel, state.rounds, why)


def _end(size: int, state: "_State", plan: Plan, seconds: float) -> str:
    if size <= 0:
        return f"all {plan.predictions:,} predictions were made"
    if len(state.pools) >= BARREN and not any(pool.predicted for pool in state.pools[-BARREN:]):
        return f"{BARREN} rounds in a row brought nothing new that passes the filters; loosen constraints or filters"
    if plan.seconds is not None and seconds > plan.seconds and state.pools:
        return f"the {plan.seconds / 60:g} minutes are over; what was found until then is kept"
    return ""


def _round(
    generator: Generator, screen: Screen, seen: set[str], size: int, plan: Plan, number: int
) -> tuple[Pool, Counter[str]]:
    """Draw and screen until ``size`` materials are predicted, or it was tried often enough."""
    middles = {name: sum(goal.ends) / 2 if goal.value is None else goal.value for name, goal in plan.goals.items()}
    conditions = dict.fromkeys(screen.filters, 1.0) | {name: at for name, at in middles.items() if np.isfinite(at)}
    pools, counts = [screen.look([], 0)], Counter[str]()
    for draw in range(DRAWS):
        wanted = size - sum(pool.predicted for pool in pools)
        if wanted <= 0:
            break
        drawn = generator.sample(max(wanted, size // 4, 10), conditions, plan.seed + 7919 * (number + 1) + draw)
        names = [name for name in identities(screen.kind, drawn)[0] if name]
        fresh = [name for name in dict.fromkeys(names) if name not in seen]
        seen |= set(fresh)
        counts += Counter(drawn=len(drawn), readable=len(names), new=len(fresh))
        pools.append(screen.look(fresh, wanted))
    return joined(pools), counts


class _State:
    """Rounds that were finished, also by an earlier process of the same run."""

    def __init__(self, run: Run | None, plan: Plan, scales: Mapping[str, float]) -> None:
        self.run, self.plan, self.scales = run, plan, scales
        self.pools: list[Pool] = []
        self.used = 0
        self.best: list[tuple[float, str]] = []
        """Score and name of the candidates that the next round is made of, the best first."""
        self.taught: list[list[str]] = []
        """Their names after each round that left any."""
        self.funnel: Counter[str] = Counter()
        self.rounds: list[dict[str, float]] = []
        if run is not None:
            for path in sorted((run.path / STATE).glob("round-*.json")):
                told = run.read_json(str(path.relative_to(run.path)))
                self._take(Pool.read(told["pool"]), Counter(told["counts"]))

    def _take(self, pool: Pool, counts: Counter[str]) -> None:
        self.pools.append(pool)
        self.used += pool.predicted
        self.funnel += counts
        own = ranked(pool, self.plan.goals, self.scales)
        good = [(float(score), name) for score, name in zip(own.score, pool.names, strict=True) if np.isfinite(score)]
        share = float(own.satisfied.sum() / max(pool.predicted, 1))
        self.rounds.append({"predictions": float(self.used), "satisfied": share})
        most = max(FEWEST, int(PARENTS * rounds_of(self.plan.predictions)))
        self.best = sorted([*self.best, *good], key=lambda one: -one[0])[:most]
        if self.best:
            self.taught.append([name for _, name in self.best])

    def add(self, pool: Pool, counts: Counter[str]) -> None:
        """Take a round, write it down, tell it."""
        self._take(pool, counts)
        if self.run is None:
            return
        number = len(self.pools)
        self.run.write_json(f"{STATE}/round-{number:05d}.json", {"pool": pool.record(), "counts": counts})
        share = self.rounds[-1]["satisfied"]
        said = f"round {number}: {self.used:,} predictions, {share:.0%} of this round satisfy every goal"
        self.run.progress("search", self.used, self.plan.predictions, said)


def scales_of(goals: Mapping[str, Goal], known: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the unit in which a miss of each goal counts, from known values by property."""
    return {name: scale_of(goal, known.get(name, np.zeros(0))) for name, goal in goals.items()}
