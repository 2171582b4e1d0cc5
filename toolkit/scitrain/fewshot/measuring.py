"""Measure prototypes over many episodes, with what they are compared with on the same ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.evaluation.bootstrap import Interval, Resampling, replicate
from scitrain.fewshot.episodes import Drawing, Episode
from scitrain.fewshot.prototypes import (
    Array,
    Distance,
    apart_from,
    centres,
    confidences,
    fit_temperature,
    leave_one_out,
    outlier,
)
from scitrain.fewshot.rivals import linear_probe, nearest_neighbour

__all__ = ["NEIGHBOUR", "PROBE", "RAW", "Measured", "Spaces", "difference", "mean_of", "measure"]

PROBE = "linear probe"
NEIGHBOUR = "nearest neighbour"
RAW = "nearest neighbour on raw features"
CALIBRATING = 200
"""Episodes on base classes from which the temperature comes where the support has one row a class."""


@dataclass(frozen=True)
class Spaces:
    """The same rows in the space of the encoder, and as they are without it."""

    x: Array
    """(n, width) encoded rows."""
    raw: Array | None = None
    """(n, width) natural features, where they are another space."""
    distance: Distance = "euclidean"


@dataclass(frozen=True)
class Measured:
    """What came of E episodes with N · Q queries each."""

    episodes: list[Episode]
    right: Mapping[str, Array]
    """Share of right answers (E,) of the prototypes (key empty) and of each rival."""
    answers: np.ndarray
    """(E, N · Q) positions of the true classes."""
    p: Array | None
    """(E, N · Q, N) confidences; None where nothing calibrates them."""
    distances: Array
    """(E, N · Q, N)"""
    inside: np.ndarray | None
    """(E, N · Q) in-domain flags; None where the support is too small to tell."""
    temperatures: Array
    """(E,), NaN where not calibrated."""


def measure(
    spaces: Spaces,
    members: Sequence[np.ndarray],
    drawing: Drawing,
    episodes: int,
    base: Sequence[np.ndarray] = (),
    tick: Callable[[int, int], None] | None = None,
) -> Measured:
    """Draw ``episodes`` tasks from the rows of each class, and judge prototypes and rivals on each.

    The temperature of an episode comes from its own support, each row told by prototypes made without it. With one shot
    there is none: then it comes from episodes on ``base`` classes, which nobody is asked about.
    """
    shared = None if drawing.shots > 1 else _of_base(spaces, base, drawing)
    drawn = [drawing.episode(number, members, spaces.x) for number in range(episodes)]
    judged = []
    for number, one in enumerate(drawn):
        judged.append(_judge(spaces, one, shared))
        if tick is not None:
            tick(number + 1, episodes)
    names = list(judged[0].right)
    calibrated = judged[0].p is not None
    flagged = judged[0].inside is not None
    return Measured(
        drawn,
        {name: np.array([one.right[name] for one in judged]) for name in names},
        np.stack([one.answers for one in drawn]),
        np.stack([one.p for one in judged if one.p is not None]) if calibrated else None,
        np.stack([one.distances for one in judged]),
        np.stack([one.inside for one in judged if one.inside is not None]) if flagged else None,
        np.array([np.nan if one.temperature is None else one.temperature for one in judged]),
    )


@dataclass(frozen=True)
class _Judged:
    right: dict[str, float]
    distances: Array
    p: Array | None
    inside: np.ndarray | None
    temperature: float | None


def _judge(spaces: Spaces, one: Episode, shared: float | None) -> _Judged:
    support, queries = spaces.x[one.support], spaces.x[one.queries.ravel()]
    distances = apart_from(queries, centres(list(support), spaces.distance), spaces.distance)
    temperature, inside = shared, None
    if support.shape[1] > 1:
        held, own = leave_one_out(list(support), spaces.distance)
        temperature = fit_temperature(held, own)
        outside = outlier(distances.min(axis=1), held[np.arange(len(own)), own])
        inside = None if outside is None else ~outside
    said = {
        "": distances.argmin(axis=1),
        NEIGHBOUR: nearest_neighbour(support, queries, spaces.distance),
        PROBE: linear_probe(support, queries),
    }
    if spaces.raw is not None:
        said[RAW] = nearest_neighbour(spaces.raw[one.support], spaces.raw[one.queries.ravel()], "euclidean")
    right = {name: float((answer == one.answers).mean()) for name, answer in said.items()}
    return _Judged(
        right, distances, None if temperature is None else confidences(distances, temperature), inside, temperature
    )


def _of_base(spaces: Spaces, base: Sequence[np.ndarray], drawing: Drawing) -> float | None:
    """Return the temperature from one-shot episodes on base classes, or None where there are too few of them."""
    enough = [rows for rows in base if len(rows) > drawing.shots]
    if len(enough) < 2:
        return None
    queries = min(drawing.queries, min(len(rows) for rows in enough) - drawing.shots)
    way = min(drawing.way, len(enough))
    other = Drawing(way, drawing.shots, queries, "random", drawing.seed)
    drawn = [other.episode(number, enough, spaces.x) for number in range(CALIBRATING)]
    apart = [
        apart_from(
            spaces.x[one.queries.ravel()], centres(list(spaces.x[one.support]), spaces.distance), spaces.distance
        )
        for one in drawn
    ]
    return fit_temperature(np.concatenate(apart), np.concatenate([one.answers for one in drawn]))


def mean_of(values: Array, seed: int = 42) -> Interval:
    """Return the mean of a number an episode (E,), with its 95 % interval over episodes."""
    found = replicate(
        lambda counts: (counts @ values / counts.sum(axis=1))[:, None], Resampling(len(values), seed=seed)
    )
    return found.intervals()[0]


def difference(values: Array, others: Array, seed: int = 42) -> Interval:
    """Return the mean of values − others on the same episodes, with its paired 95 % interval."""
    return mean_of(np.asarray(values) - np.asarray(others), seed)
