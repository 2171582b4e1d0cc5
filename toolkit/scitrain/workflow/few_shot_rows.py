"""Classify new rows by a support table, and say how good that support is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.contracts.modality import Columns
from scitrain.data.long import reread
from scitrain.data.read import read
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.fewshot.networks import encode
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
from scitrain.fewshot.support import choose_support
from scitrain.runs import Run
from scitrain.workflow.examples import Examples
from scitrain.workflow.few_shot import Asked, Material
from scitrain.workflow.stages import stage

__all__ = ["Classified", "Held", "Support", "classify", "supported"]

NO_CALIBRATION = "one example a class: no row is left to calibrate confidences, or to test, by; add a second one"
BLOCK = 1024
"""Rows whose distances to all others are held at once."""


@dataclass(frozen=True)
class Held:
    """Each support row told by prototypes made without it."""

    answers: np.ndarray
    """(n,) true classes."""
    distances: Array
    """(n, classes)"""
    neighbour: np.ndarray
    """(n,) class of the nearest other support row."""


@dataclass(frozen=True)
class Support:
    """Prototypes of the classes told apart, with what their own rows say of them."""

    rows: list[np.ndarray]
    """Rows of each class that were taken."""
    prototypes: Array
    temperature: float | None
    """None where every class has one example."""
    held: Held | None


@dataclass(frozen=True)
class Classified:
    """New rows with their classes; a row with an error has NaN and no class."""

    columns: Columns
    rows: np.ndarray
    points: Array
    """(n, width), NaN for a row with an error."""
    distances: Array
    """(n, classes)"""
    p: Array | None
    inside: np.ndarray | None
    errors: dict[int, str]


def supported(material: Material, asked: Asked) -> Support:
    """Choose the support rows and make the prototypes.

    Raises:
        DataError: A class has fewer rows than the request asks for.
    """
    members = material.examples.members(material.told)
    short = {name: len(m) for name, m in zip(material.names(), members, strict=True) if len(m) < (asked.shots or 1)}
    if short:
        said = listed(f"{name} has {n}" for name, n in short.items())
        raise DataError(
            f"shot={asked.shots}, but {said} usable row{'s' if set(short.values()) != {1} else ''}; add rows, lower shot, or "
            "leave it out to take all"
        )
    rng = np.random.default_rng(asked.seed)
    x, distance = material.spaces.x, material.spaces.distance
    rows = [m if asked.shots is None else m[choose_support(x[m], asked.shots, asked.select, rng)] for m in members]
    points = [x[m] for m in rows]
    held, answers = leave_one_out(points, distance)
    if not len(held):
        return Support(rows, centres(points, distance), None, None)
    told = Held(answers, held, _neighbours(points, answers, distance))
    return Support(rows, centres(points, distance), fit_temperature(held, answers), told)


def _neighbours(points: Sequence[Array], answers: np.ndarray, distance: Distance) -> np.ndarray:
    """Return the class of the nearest other row for each row of the classes in ``answers``."""
    flat = np.concatenate(points)
    owner = np.arange(len(points)).repeat([len(p) for p in points])
    found = []
    for start in range(0, len(flat), BLOCK):
        apart = apart_from(flat[start : start + BLOCK], flat, distance)
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = np.inf
        found.append(owner[apart.argmin(axis=1)])
    return np.concatenate(found)[np.isin(owner, answers)]


def classify(material: Material, support: Support, path: str, run: Run) -> Classified:
    """Read the file ``path`` and classify its rows.

    Raises:
        UnknownNameError: It lacks a column that the features need.
        DataError: No row of it can be read.
    """
    with stage(run, "predict", f"reading {path}"):
        columns, rows = _inputs(material.examples, path, run)
        x, errors = material.encoder.featuriser.transform(columns)
        good = np.setdiff1d(np.arange(len(x)), np.array(sorted(errors), dtype=np.int64))
        if not len(good):
            raise DataError(
                f"no row of {path} can be turned into features; the first: {next(iter(errors.values()), 'no rows')}"
            )
        points = encode(material.network, x[good])
    distances = apart_from(points, support.prototypes, material.spaces.distance)
    p = None if support.temperature is None else confidences(distances, support.temperature)
    inside = None
    if support.held is not None:
        own = support.held.distances[np.arange(len(support.held.answers)), support.held.answers]
        outside = outlier(distances.min(axis=1), own)
        inside = None if outside is None else _scattered(~outside, len(x), good, fill=False)
    spread = [_scattered(part, len(x), good, fill=np.nan) for part in (points, distances)]
    return Classified(
        columns,
        rows,
        spread[0],
        spread[1],
        None if p is None else _scattered(p, len(x), good, fill=np.nan),
        inside,
        errors,
    )


def _inputs(examples: Examples, path: str, run: Run) -> tuple[Columns, np.ndarray]:
    table = read(path, run.workspace)
    table = table if examples.layout is None else reread(examples.layout, table)
    needed = list(examples.columns)
    if len(needed) == 1 == len(table.columns):
        return {needed[0]: list(next(iter(table.columns.values())))}, table.rows
    for name in needed:
        if name not in table.columns:
            raise UnknownNameError(f"column (an input of the support table) in {table.name}", name, list(table.columns))
    return {name: list(table.columns[name]) for name in needed}, table.rows


def _scattered(values: np.ndarray, n: int, at: np.ndarray, fill: float) -> np.ndarray:
    target = np.full((n, *values.shape[1:]), fill, dtype=values.dtype)
    target[at] = values
    return target
