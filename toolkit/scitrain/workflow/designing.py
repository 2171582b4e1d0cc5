"""The search of a design: draw, screen, predict, rank, learn from the best, again."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass
class Found:
    """What a search came to."""

    pool: Pool
    funnel: Counter[str] = field(default_factory=Counter)
    """Drawn, readable, new."""
    rounds: list[dict[str, float]] = field(default_factory=list)
    why: str = ""
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
    state = _State(run)
    seen = {*(reference if plan.novel else ()), *(name for pool in state.pools for name in pool.names)}
    begin = time.monotonic()
    barren = 0
    while not state.found.why:
        used = sum(pool.predicted for pool in state.pools)
        if state.pools and plan.learn:
            generator.tune(_parents(joined(state.pools), plan, scales))
        size = min(rounds_of(plan.predictions), plan.predictions - used)
        barren = barren + 1 if state.pools and not state.pools[-1].predicted else 0
        state.found.why = _end(size, barren, plan, time.monotonic() - begin)
        if not state.found.why:
            state.add(*_round(generator, screen, seen, size, plan, len(state.pools)), plan, scales)
    state.found.pool = joined(state.pools) if state.pools else screen.look([], 0)
    return state.found


def _end(size: int, barren: int, plan: Plan, seconds: float) -> str:
    if size <= 0:
        return f"all {plan.predictions:,} predictions were made"
    if barren >= BARREN:
        return f"{BARREN} rounds in a row brought nothing new that passes the filters; loosen constraints or filters"
    if plan.seconds is not None and seconds > plan.seconds:
        return f"the {plan.seconds / 60:g} minutes are over; what was found until then is kept"
    return ""


def _round(
    generator: Generator, screen: Screen, seen: set[str], size: int, plan: Plan, number: int
) -> tuple[Pool, Counter[str]]:
    """Draw and screen until ``size`` materials are predicted, or it was tried often enough."""
    conditions = {name: goal.value for name, goal in plan.goals.items() if goal.value is not None}
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


def _parents(pool: Pool, plan: Plan, scales: Mapping[str, float]) -> list[str]:
    """Return the best so far, from all rounds."""
    score = ranked(pool, plan.goals, scales).score
    most = max(FEWEST, int(PARENTS * rounds_of(plan.predictions)))
    return [pool.names[i] for i in np.argsort(-score, kind="stable")[:most] if np.isfinite(score[i])]


class _State:
    """Rounds that were finished, also by an earlier process of the same run."""

    def __init__(self, run: Run | None) -> None:
        self.run = run
        self.pools: list[Pool] = []
        self.found = Found(Pool([], {}, {}, {}, {}, {}, {}, {}, np.zeros(0, dtype=bool), [], []))
        folder = None if run is None else run.path / STATE
        for path in sorted(folder.glob("round-*.json")) if folder is not None and folder.is_dir() else ():
            told = run.read_json(str(path.relative_to(run.path))) if run is not None else {}
            self._take(Pool.read(told["pool"]), Counter(told["counts"]), told["round"])

    def _take(self, pool: Pool, counts: Counter[str], told: dict[str, float]) -> None:
        self.pools.append(pool)
        self.found.funnel += counts
        self.found.rounds.append(told)

    def add(self, pool: Pool, counts: Counter[str], plan: Plan, scales: Mapping[str, float]) -> None:
        """Take a round, write it down, tell it."""
        used = sum(p.predicted for p in self.pools) + pool.predicted
        own = ranked(pool, plan.goals, scales)
        share = float(own.satisfied.sum() / max(pool.predicted, 1))
        finite = own.score[np.isfinite(own.score)]
        told = {"predictions": used, "satisfied": share}
        if len(finite):
            told["best"] = float(finite.max())
        self._take(pool, counts, told)
        if self.run is not None:
            number = len(self.pools)
            self.run.write_json(
                f"{STATE}/round-{number:05d}.json", {"pool": pool.record(), "counts": counts, "round": told}
            )
            said = f"round {number}: {used:,} predictions, {share:.0%} of this round satisfy every goal"
            self.run.progress("search", used, plan.predictions, said)


def scales_of(goals: Mapping[str, Goal], known: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the unit in which a miss of each goal counts, from known values by property."""
    return {name: scale_of(goal, known.get(name, np.zeros(0))) for name, goal in goals.items()}
