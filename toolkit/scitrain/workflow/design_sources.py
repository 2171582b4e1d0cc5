"""Where a design begins: the known materials with what was measured of them, and what draws new ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.errors import DataError
from scitrain.generation.describe import describe
from scitrain.generation.generators import Generator
from scitrain.generation.given import Kind, identities
from scitrain.generation.goals import Goal
from scitrain.inference import read_config
from scitrain.runs import Run
from scitrain.workflow.again import prepared_again
from scitrain.workflow.candidate_rows import Stored, made_from, stored_texts
from scitrain.workflow.design_rivals import Known, best_known
from scitrain.workflow.screening import Screen

__all__ = ["known_materials", "make_generator", "with_computed"]

STARTING = 0.1
"""Share of the known materials that a search starts from: those measured nearest to the goals; at least `FEWEST`."""
FEWEST = 50
MUTATION = "mutation"


def known_materials(reference: str | None, generator: str, predictors: Sequence[str], kind: Kind, run: Run) -> Known:
    """Return the reference with the labels of the predictors' own data; else the data of the predictors, or of the generator.

    `with_computed` adds what needs no measurement.

    Raises:
        DataError: There is none to start from.
    """
    measured: dict[str, dict[str, float]] = {}
    learned: dict[str, tuple[float, float]] = {}
    names: dict[str, None] = {}
    for run_id in predictors:
        source = Run.open(run_id, run.workspace)
        found = prepared_again(source, run)
        own = identities(kind, list(found.columns[read_config(source).input_columns[0]]))[0]
        names |= dict.fromkeys(own)
        for at, target in enumerate(found.targets):
            measured[target.name] = _labels(found, at, own)
            learned |= _learned(found, at, target.name)
    stored: tuple[Stored, ...] = () if reference is None else (Stored(reference),)
    if reference is None and not predictors and generator != MUTATION:
        stored = made_from(Run.open(generator, run.workspace)).data
    if stored:
        names = dict.fromkeys(identities(kind, stored_texts(stored, run.workspace, kind))[0])
    listed = [name for name in names if name]
    if not listed:
        raise DataError(
            "there are no known materials to start from; give data, a file of them, or a predictor whose own data serve"
        )
    why = "given" if stored else "the data that the predictors learned from"
    run.decide("known materials", len(listed), why)
    table = {target: np.array([of.get(name, np.nan) for name in listed]) for target, of in measured.items()}
    return Known(listed, table, learned)


def with_computed(known: Known, kind: Kind, goals: Sequence[str]) -> Known:
    """Add the values of goals that can be computed cheaply."""
    if kind == "formula":
        numbers = describe("formula", known.names).numbers
        found = {name: numbers[name] for name in goals if name in numbers}
    else:
        from scitrain.chem.calculated import CALCULATED, calculate

        cheap = [name for name in goals if name in CALCULATED]
        found = dict(zip(cheap, calculate(known.names, cheap).T, strict=True))
    return replace(known, measured={**found, **known.measured})


def _learned(prepared: Prepared, at: int, name: str) -> dict[str, tuple[float, float]]:
    """Return the range of a target's training labels, where it has two."""
    y = prepared.y[prepared.split["train"]]
    labels = (y if y.ndim == 1 else y[:, at]).astype(float)
    there = labels[np.isfinite(labels)]
    return {name: (float(there.min()), float(there.max()))} if len(there) > 1 else {}


def _labels(prepared: Prepared, at: int, names: Sequence[str]) -> dict[str, float]:
    y = prepared.y if prepared.y.ndim == 1 else prepared.y[:, at]
    return {name: float(value) for name, value in zip(names, y, strict=True) if np.isfinite(value)}


def make_generator(
    name: str, screen: Screen, known: Known, goals: Mapping[str, Goal], scales: Mapping[str, float], run: Run
) -> Generator:
    """Return a fresh generator: `mutation` of known materials of the elements that may occur, or that of a run.

    Raises:
        RunStateError: The run holds no generator.
        DataError: It writes another kind of material, or no known material has the elements that may occur.
    """
    if name != MUTATION:
        return _trained(name, screen.kind, run)
    order = best_known(known, goals, scales)
    permitted = [known.names[i] for i in order if not screen.forbidden(known.names[i])]
    if not permitted:
        raise DataError(
            "no known material consists of the elements that may occur; allow more, or give data with such materials"
        )
    parents = permitted[: max(FEWEST, int(STARTING * len(known.names)))]
    if screen.kind == "smiles":
        from scitrain.generation.molecule_mutation import MoleculeMutation

        return MoleculeMutation(parents, permitted)
    from scitrain.generation.formula_mutation import FormulaMutation

    return FormulaMutation(parents, permitted)


def _trained(run_id: str, kind: Kind, run: Run) -> Generator:
    from scitrain.generation.trained import TrainedGenerator
    from scitrain.workflow.candidates import generator_config

    source = Run.open(run_id, run.workspace)
    config = generator_config(source)
    if config.kind != kind:
        raise DataError(
            f"generator {run_id} writes {config.kind}, the predictors read {kind}; give a generator of {kind}"
        )
    return TrainedGenerator(source)
