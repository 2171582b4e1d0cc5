"""Choose what is trained: the family, the featuriser that feeds it, the array of features."""

from dataclasses import dataclass

import numpy as np

from scitrain.contracts.modality import Featuriser
from scitrain.contracts.model import InputKind, ModelSpec
from scitrain.data.prepared import Prepared
from scitrain.data.represent import represent
from scitrain.errors import ScitrainError, listed
from scitrain.modalities import MODALITIES
from scitrain.models import FAMILIES
from scitrain.runs import Run
from scitrain.training.auto import choose_model
from scitrain.workflow.stages import stage, ticker

__all__ = ["Network", "choose_network", "input_kind"]


@dataclass(frozen=True)
class Network:
    """A model family with what it reads."""

    model: ModelSpec
    featuriser: Featuriser
    x: np.ndarray
    """(n, …) array the network reads."""
    natural: np.ndarray
    """(n, …) array the simple models read: the modality's own vector where it has one."""


def choose_network(prepared: Prepared, asked: ModelSpec | None, run: Run) -> Network:
    """Choose family and featuriser, and compute the features (cached beside the prepared data).

    Raises:
        ScitrainError: The asked family does not read this modality; says which do.
    """
    model = asked
    if model is None:
        model, why = choose_model(prepared)
        run.decide("model", model.model_dump(mode="json"), why)
    featuriser, x = _features(prepared, input_kind(prepared.modality, model), run)
    vector = MODALITIES[prepared.modality].kinds[0]
    natural = x if featuriser.output == vector else _features(prepared, vector, run)[1]
    return Network(model, featuriser, x, natural)


def input_kind(modality: str, model: ModelSpec) -> InputKind:
    """Return the kind of array in which ``model`` reads this modality.

    Raises:
        ScitrainError: There is none.
    """
    offered = MODALITIES[modality].kinds
    for kind in model.consumes:
        if kind in offered:
            return kind
    fitting = [name for name, family in FAMILIES.items() if set(family.consumes) & set(offered)]
    family = type(model).model_fields["family"].default
    raise ScitrainError(
        f"model family {family!r} reads {listed(model.consumes)}, but {modality} data give {listed(offered)}; "
        f"families that fit: {listed(fitting)}, or model='auto'"
    )


def _features(prepared: Prepared, kind: InputKind, run: Run) -> tuple[Featuriser, np.ndarray]:
    featuriser = MODALITIES[prepared.modality].featuriser(kind, prepared.columns, prepared.split["train"])
    with stage(run, "features", f"computing {kind} features"):
        x = represent(prepared, featuriser, run.workspace, ticker(run, "features", "rows"))
    return featuriser, x


