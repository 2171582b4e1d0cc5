"""Draw until enough valid, unique, novel ones are there, or time is over; what was found until then is kept."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scitrain.generation.conditions import Told
from scitrain.generation.config import key_hash
from scitrain.generation.generator import Candidate, Drawn, Generator
from scitrain.generation.options import Sampling
from scitrain.resources import torch_threads
from scitrain.training.feeding import mix

__all__ = ["MISSED", "Gathered", "Wanted", "gather"]

BARREN = 25
"""Batches in a row without anything new after which the generator has nothing more to give."""
REPEATED, KNOWN, MISSED = "drawn before", "among the training data", "too far from what was asked"


@dataclass(frozen=True)
class Wanted:
    """What is looked for."""

    count: int
    told: Told
    sampling: Sampling
    seed: int
    novel: bool = True
    seconds: float | None = None
    meets: Callable[[Candidate], bool] = lambda one: True
    """Tells whether a new one is near enough to what was asked."""


@dataclass
class Gathered:
    """How far it got; goes on from where it stands."""

    found: int = 0
    drawn: int = 0
    chunks: int = 0
    spent: float = 0.0
    """Seconds."""
    rejected: Counter[str] = field(default_factory=Counter)
    keys: set[int] = field(default_factory=set)
    """Hashes of what was drawn: eight bytes each, so that a million of them fit anywhere."""
    stopped: str = ""

    @property
    def valid(self) -> int:
        """Draws that are a molecule or composition."""
        return self.found + sum(self.rejected[why] for why in (REPEATED, KNOWN, MISSED))


def gather(
    generator: Generator,
    wanted: Wanted,
    take: Callable[[Sequence[Candidate], Gathered], None],
    state: Gathered | None = None,
    stop: Callable[[], None] = lambda: None,
) -> Gathered:
    """Draw in batches, each seeded by its number; hand what is kept of each to ``take`` and forget it.

    Args:
        generator: Draws.
        wanted: What is looked for.
        take: Told the new candidates of a batch and the state after it.
        state: Where an interrupted search stood.
        stop: Called in each step; raises to end.
    """
    state = state or Gathered()
    begin, before, barren = time.monotonic(), state.spent, 0
    with torch_threads():
        while not _over(state, wanted, barren):
            size = min(wanted.sampling.batch_size, _enough(state, wanted))
            values = wanted.told.values(size, mix(wanted.seed, 12, state.chunks))
            drawn = generator.draw(size, values, wanted.sampling, mix(wanted.seed, 11, state.chunks), stop)
            kept = _kept(_judged(generator, drawn, values), state, wanted)
            state.chunks += 1
            state.spent = before + time.monotonic() - begin
            barren = 0 if kept else barren + 1
            take(kept, state)
    return state


def _judged(generator: Generator, drawn: Sequence[Drawn], values: np.ndarray) -> Iterator[Candidate]:
    """Yield what each draw is, with what it was told where that differs between them."""
    for row, one in enumerate(drawn):
        told = () if values.ndim == 1 else tuple(values[row].tolist())
        yield replace(generator.judge(one), told=told)


def _enough(state: Gathered, wanted: Wanted) -> int:
    """Return how many to draw so that about as many as are missing come of it: a full batch for five would be a waste."""
    share = max(state.found / state.drawn, 0.02) if state.drawn else 0.7
    return max(16, int(1.25 * (wanted.count - state.found) / share))


def _over(state: Gathered, wanted: Wanted, barren: int) -> bool:
    state.stopped = _reason(state, wanted, barren)
    return bool(state.stopped)


def _reason(state: Gathered, wanted: Wanted, barren: int) -> str:
    if state.found >= wanted.count:
        return f"{wanted.count:,} found"
    if wanted.seconds is not None and state.spent >= wanted.seconds:
        return "max_minutes"
    if wanted.sampling.beams > 1 and state.chunks:
        return "a beam search finds the same each time"
    return f"nothing new in {BARREN} batches" if barren >= BARREN else ""


def _kept(judged: Iterable[Candidate], state: Gathered, wanted: Wanted) -> list[Candidate]:
    """Return those that are new; what comes after the last one that was wanted is not looked at, and not counted."""
    kept: list[Candidate] = []
    for one in judged:
        if state.found >= wanted.count:
            break
        state.drawn += 1
        if _new(one, state, wanted):
            kept.append(one)
    return kept


def _new(one: Candidate, state: Gathered, wanted: Wanted) -> bool:
    if one.problem:
        state.rejected[one.problem] += 1
        return False
    hashed = key_hash(one.key)
    if hashed in state.keys:
        state.rejected[REPEATED] += 1
        return False
    if wanted.novel and not one.novel:
        state.rejected[KNOWN] += 1
        return False
    if not wanted.meets(one):
        state.rejected[MISSED] += 1
        return False
    state.keys.add(hashed)
    state.found += 1
    return True
