"""Candidates judged: what is known of each, and the figures about the set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scitrain.errors import listed
from scitrain.generation.compositions import (
    composition_measures,
    element_divergence,
    element_shares,
    nearest_formula,
    yardsticks,
)
from scitrain.generation.describe import Described, describe, units
from scitrain.generation.given import Given, common_measures
from scitrain.generation.goals import Goal
from scitrain.generation.heeding import heeding_measures
from scitrain.generation.measures import Measure, mean_of, share_of
from scitrain.generation.molecules import molecule_measures, nearest_known
from scitrain.generation.satisfaction import miss
from scitrain.runs import Run
from scitrain.workflow.predictors import Predicted, Predictors, check_goals
from scitrain.workflow.stages import stage, ticker

__all__ = ["Judged", "judge"]

SAMPLE = 5_000
"""Molecules that are described one by one: alerts and drug-likeness take milliseconds each."""
OF_REFERENCE = 2_000
"""Known materials whose distributions stand beside."""


@dataclass(frozen=True)
class Judged:
    """Everything that is said of the candidates; arrays run over ``rows``."""

    given: Given
    rows: np.ndarray
    """Rows (m,) of the candidates that are described: unique, valid, and for large sets of molecules a sample."""
    names: list[str]
    """Their canonical SMILES or reduced formulas."""
    described: Described
    reference: Described | None
    """Of a sample of the reference set."""
    nearest: list[str]
    """Nearest known formula; empty for molecules."""
    distances: np.ndarray
    """(m,) element mover's distance, or similarity of molecules, to the nearest known material; NaN where not looked at."""
    predicted: Predicted
    units: Mapping[str, str]
    goals: Mapping[str, Goal]
    asked: Mapping[str, np.ndarray]
    """By property what was asked of each (m,), NaN where nothing was."""
    satisfied: Mapping[str, np.ndarray]
    """bool (m,) by goal."""
    measures: list[Measure]
    shares: tuple[dict[str, float], dict[str, float] | None] = field(default=({}, None))
    """Of elements, among candidates and reference."""
    notes: tuple[str, ...] = ()

    def values(self, name: str) -> np.ndarray:
        """Return a property (m,), predicted or computed."""
        return self.predicted.values[name] if name in self.predicted.values else self.described.numbers[name]


def judge(
    given: Given,
    real: Mapping[str, Sequence[str]],
    goals: Mapping[str, Goal],
    predictors: Predictors,
    seed: int,
    run: Run,
) -> Judged:
    """Judge candidates that were read.

    Args:
        given: The candidates.
        real: Sets of real formulas whose figures stand beside, by name; none for molecules.
        goals: Wanted properties.
        predictors: Of properties; may be none.
        seed: Of what is sampled.
        run: Where progress is told.

    Raises:
        UnknownNameError: A goal names no property.
    """
    unit = units(given.kind) | predictors.units()
    check_goals(list(goals), list(unit))
    rows = _chosen(given, seed)
    names = [given.names[row] for row in rows]
    with stage(run, "describe", f"describing {len(names):,} unique candidates"):
        described = describe(given.kind, names, ticker(run, "describe", "candidates"))
        reference = _described_reference(given, seed)
    predicted = _predicted(predictors, names, run)
    with stage(run, "judge", "comparing with what is known"):
        nearest, distances, near = _nearest(given, names, seed)
        shares = _shares(given, names)
        found = [*common_measures(given), *_of_kind(names, described, reference, real, seed), near]
    if shares[0] and shares[1]:
        found.append(element_divergence(shares[0], shares[1], len(names)))
    values = {**described.numbers, **predicted.values} if names else {}
    asked = _asked(given, goals, rows, unit)
    satisfied = {name: miss(goal, values[name], 1.0) == 0 for name, goal in goals.items() if names}
    found += [*_of_predictions(predicted, unit), *_of_goals(goals, satisfied, unit), *_of_asked(asked, values, unit)]
    return Judged(
        given,
        rows,
        names,
        described,
        reference,
        nearest,
        distances,
        predicted,
        unit,
        goals,
        asked,
        satisfied,
        found,
        shares,
        _notes(given, rows, unit),
    )


def _predicted(predictors: Predictors, names: list[str], run: Run) -> Predicted:
    if not predictors.models or not names:
        return Predicted()
    with stage(run, "predict", f"predicting {len(names):,} candidates"):
        return predictors.predict(names, ticker(run, "predict", "candidates"))


def _of_kind(
    names: list[str], own: Described, other: Described | None, real: Mapping[str, Sequence[str]], seed: int
) -> list[Measure]:
    if "qed" in own.numbers:
        return molecule_measures(names, own, other, seed)
    return composition_measures(own, other, yardsticks(real, seed))


def _asked(given: Given, goals: Mapping[str, Goal], rows: np.ndarray, unit: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return by property what was asked of each described row: the value that the request wants, else that of its own row."""
    own = {name: values[rows] for name, values in given.asked.items() if name in unit}
    wanted = {name: np.full(len(rows), goal.value) for name, goal in goals.items() if goal.value is not None}
    return own | wanted


def _notes(given: Given, rows: np.ndarray, unit: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    if len(rows) < len(given.unique):
        told = f"{len(rows):,} of {len(given.unique):,} unique candidates, drawn at random, are described one by one"
        found.append(f"{told}; validity, uniqueness and novelty are of all")
    if unseen := [name for name in given.asked if name not in unit]:
        found.append(f"{listed(unseen)} was asked for and is not looked at: give predictors a run that predicts it")
    return tuple(found)


def _chosen(given: Given, seed: int) -> np.ndarray:
    rows = given.unique
    if given.kind == "formula" or len(rows) <= SAMPLE:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, SAMPLE, replace=False))


def _described_reference(given: Given, seed: int) -> Described | None:
    if not given.reference:
        return None
    pool = sorted(given.reference)
    chosen = np.random.default_rng(seed).permutation(len(pool))[:OF_REFERENCE]
    return describe(given.kind, [pool[i] for i in chosen])


def _nearest(given: Given, names: list[str], seed: int) -> tuple[list[str], np.ndarray, Measure]:
    if given.kind == "formula":
        return nearest_formula(names, given.reference)
    found, measure = nearest_known(names, given.reference, seed)
    return [""] * len(names), found, measure


def _shares(given: Given, names: list[str]) -> tuple[dict[str, float], dict[str, float] | None]:
    if given.kind == "smiles" or not names:
        return {}, None
    return element_shares(names), element_shares(given.reference) if given.reference else None


def _of_predictions(predicted: Predicted, unit: Mapping[str, str]) -> list[Measure]:
    found = [
        mean_of(
            f"mean_predicted_{name}",
            values,
            f"mean {name} as the predictor says it; a prediction, no measurement",
            unit[name],
        )
        for name, values in predicted.values.items()
    ]
    if predicted.inside is not None:
        found.append(share_of("in_domain", predicted.inside, "share inside the training domain of every predictor"))
    return found


def _of_asked(
    asked: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray], unit: Mapping[str, str]
) -> list[Measure]:
    return [
        measure
        for name, wanted in asked.items()
        if name in values
        for measure in heeding_measures(name, wanted, values[name], unit[name])
    ]


def _of_goals(goals: Mapping[str, Goal], satisfied: Mapping[str, np.ndarray], unit: Mapping[str, str]) -> list[Measure]:
    found = [
        share_of(f"satisfied_{name}", flags, f"share with {name} {goals[name].words(unit[name])}")
        for name, flags in satisfied.items()
    ]
    if len(satisfied) > 1:
        every = np.all(list(satisfied.values()), axis=0)
        found.append(share_of("satisfied_all", every, "share that satisfies every condition"))
    return found
