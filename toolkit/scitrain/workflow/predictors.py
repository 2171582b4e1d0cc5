"""Trained models that say what a candidate's properties are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.generation.given import Kind
from scitrain.inference import TrainedModel, load_model, read_config
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["Predicted", "Predictors", "check_predictors", "load_predictors"]


@dataclass
class Predicted:
    """What all models say of m materials, by target."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    """(m,) in the target's unit; of a class with two labels, the probability of the second. NaN where it cannot be told."""
    low: dict[str, np.ndarray] = field(default_factory=dict)
    high: dict[str, np.ndarray] = field(default_factory=dict)
    deviations: dict[str, np.ndarray] = field(default_factory=dict)
    """Standard deviation (m,) that the interval means where errors are normal; 0 where there is none."""
    inside: np.ndarray | None = None
    """bool (m,): inside the training domain of every model; None where none has one."""


def check_predictors(runs: Sequence[str], workspace: Workspace, kind: Kind | None = None) -> Kind | None:
    """Refuse runs that hold no model of such materials, and return the kind that all read.

    Raises:
        DataError: A model reads another kind of data, or several columns, or tells more than two classes apart.
    """
    for run_id in runs:
        config = read_config(Run.open(run_id, workspace))
        if config.modality not in ("smiles", "formula") or (kind is not None and config.modality != kind):
            wanted = {"smiles": "molecules (smiles)", "formula": "formulas", None: "molecules (smiles) or formulas"}[
                kind
            ]
            raise DataError(
                f"predictor {run_id} reads {config.modality} data, but {wanted} are needed; give a run trained on {wanted}"
            )
        if len(config.input_columns) != 1:
            columns = listed(config.input_columns)
            raise DataError(f"predictor {run_id} reads the columns {columns}; one that reads a single column is needed")
        if config.task == "multiclass":
            raise DataError(
                f"predictor {run_id} tells several classes apart; a candidate is judged by numbers or two classes"
            )
        kind = "smiles" if config.modality == "smiles" else "formula"
    return kind


@dataclass(frozen=True)
class Predictors:
    """Models at work."""

    models: tuple[TrainedModel, ...]

    def units(self) -> dict[str, str]:
        """Return the unit of each target; of two classes none."""
        return {t.name: t.unit or "" for model in self.models for t in model.config.targets}

    def predict(self, names: Sequence[str], tick: Callable[[int, int], None] | None = None) -> Predicted:
        """Predict materials by canonical SMILES or reduced formula."""
        from scipy.special import ndtri

        found = Predicted()
        for model in self.models:
            said = model.predict({model.config.input_columns[0]: list(names)}, tick)
            if said.inside is not None:
                found.inside = said.inside if found.inside is None else found.inside & said.inside
            width = 2 * float(ndtri((1 + model.config.coverage) / 2))
            for i, target in enumerate(model.config.targets):
                found.values[target.name] = said.prediction[:, i].astype(float)
                found.deviations[target.name] = np.zeros(len(names))
                if said.low is not None and said.high is not None:
                    found.low[target.name], found.high[target.name] = said.low[:, i], said.high[:, i]
                    found.deviations[target.name] = np.nan_to_num(said.high[:, i] - said.low[:, i]) / width
        return found


def load_predictors(runs: Sequence[str], workspace: Workspace) -> Predictors:
    """Load the models of some runs.

    Raises:
        UnknownNameError: Two of them predict a target of the same name, so that a goal could mean either.
    """
    models = tuple(load_model(Run.open(run_id, workspace), "auto") for run_id in runs)
    names = [target.name for model in models for target in model.config.targets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"several predictors predict {listed(twice)}; give one run for each property")
    return Predictors(models)


def check_goals(goals: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a goal for something that nobody computes or predicts.

    Raises:
        UnknownNameError: Says the near name.
    """
    for name in goals:
        if name not in known:
            raise UnknownNameError("property", name, known)
