"""Choose what is trained: the family, the featuriser that feeds it, the array of features."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

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

__all__ = ["Network", "choose_network", "input_kind", "natural_features", "represented"]


@dataclass(frozen=True)
class Network:
    """A model family with what it reads."""

    model: ModelSpec
    featuriser: Featuriser
    x: np.ndarray
    """(n, …) array the network reads."""
    natural: np.ndarray
    """(n, …) array the simple models read: the modality's own vector where it has one."""


def choose_network(
    prepared: Prepared, asked: ModelSpec | None, run: Run, features: Mapping[str, JsonValue] | None = None
) -> Network:
    """Choose family and featuriser, and compute the features (cached beside the prepared data).

    The simple models read the features as they are chosen, whatever ``features`` says of those of the network.

    Raises:
        ScitrainError: The asked family does not read this modality, or ``features`` does not fit; says what does.
    """
    model = asked
    if model is None:
        model, why = choose_model(
            prepared.modality, prepared.task, len(prepared.split["train"]), MODALITIES[prepared.modality].kinds
        )
        run.decide("model", model.model_dump(mode="json"), why)
    kind, model = input_kind(prepared.modality, model), model.settled()
    own = model.featuriser(prepared.modality, prepared.columns)
    featuriser = own or MODALITIES[prepared.modality].featuriser(kind, prepared.columns, prepared.split["train"])
    featuriser = featuriser.adjusted(features or {})
    if told := featuriser.reason():
        run.decide("features", featuriser.model_dump(mode="json")["kind"], told)
    x = represented(prepared, featuriser, run)
    return Network(model, featuriser, x, natural_features(prepared, featuriser, x, run))


def input_kind(modality: str, model: ModelSpec) -> InputKind:
    """Return the kind of array in which ``model`` reads this modality.

    Raises:
        ScitrainError: There is none.
    """
    offered = MODALITIES[modality].kinds
    for kind in model.kinds():
        if kind in offered and model.fits(modality, offered):
            return kind
    fitting = [name for name, family in FAMILIES.items() if family.fits(modality, offered)]
    family = type(model).model_fields["family"].default
    fitting = [f"{name} with other options" if name == family else name for name in fitting]
    reads = [f"{kind} of {listed(model.modalities)}" if model.modalities else kind for kind in model.kinds()]
    raise ScitrainError(
        f"model family {family!r} reads {listed(reads)}, but {modality} data give {listed(offered)}; "
        f"families that fit: {listed(fitting)}, or model='auto'"
    )


def represented(prepared: Prepared, featuriser: Featuriser, run: Run) -> np.ndarray:
    """Return the features (n, …) of all rows, from the cache where they are there."""
    with stage(run, "features", f"computing {featuriser.output} features"):
        return represent(prepared, featuriser, run.workspace, ticker(run, "features", "rows"))


def natural_features(prepared: Prepared, featuriser: Featuriser, x: np.ndarray, run: Run) -> np.ndarray:
    """Return the array the simple models read: the modality's own vector, which is ``x`` where the network reads that too."""
    modality = MODALITIES[prepared.modality]
    natural = modality.kinds[0]
    if featuriser.output != natural or featuriser.adjustable:
        plain = modality.featuriser(natural, prepared.columns, prepared.split["train"])
        x = x if plain == featuriser else represented(prepared, plain, run)
        featuriser = plain
    return x[:, : featuriser.plain()]
