"""Where few-shot learning takes its points from; the one place where a source is named."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.errors import ScitrainError
from scitrain.inference import TrainedConfig, load_predictor, read_config
from scitrain.modalities import MODALITIES
from scitrain.runs import Run
from scitrain.transfer.origin import BUILTIN, check_source_of_weights, names_run, resolve
from scitrain.weights.reading import SUFFIXES
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "FEATURES",
    "Encoder",
    "check_encoder",
    "natural_encoder",
    "pretrained_encoder",
    "run_encoder",
    "trained_source",
]

FEATURES = "features"
"""Name of the modality's own features, which nothing was trained for."""


@dataclass(frozen=True)
class Encoder:
    """Raw rows to points."""

    featuriser: Featuriser
    network: "nn.Module"
    """Rows of the featuriser (n, …) to (n, width)."""
    words: str
    """What it is, for a person."""
    trained: bool
    """False for features that nothing was trained for."""
    licence: str | None = None
    """Of weights that were learned elsewhere, on data that nobody here knows."""


def check_encoder(name: str, workspace: Workspace) -> None:
    """Refuse within milliseconds what cannot encode: a run that is not there, a folder without a model, a file of weights alone.

    Raises:
        ScitrainError: What is wrong with it.
    """
    if name == FEATURES:
        return
    if name == BUILTIN or name.endswith(SUFFIXES):
        raise ScitrainError(
            f"encoder={name!r} says nothing of a network: give {FEATURES!r}, the id of a trained run, a model of Hugging Face, timm or "
            "torchvision by name, or a folder with config.json, weights and tokenizer"
        )
    check_source_of_weights(name, workspace)


def trained_source(name: str, workspace: Workspace) -> tuple[Run, TrainedConfig] | None:
    """Return the run that ``encoder`` names with what it was trained on, or None where it names no run.

    Raises:
        ScitrainError: The run is not there, or has no trained model.
    """
    if name == FEATURES or not names_run(name, workspace):
        return None
    source = Run.open(name, workspace)
    return source, read_config(source)


def pretrained_encoder(name: str, modality: str, columns: Columns, workspace: Workspace) -> Encoder:
    """Return a pretrained network, with its own tokenizer or the pixels it expects; ``columns`` say how long rows are.

    Raises:
        ScitrainError: There is nothing of this name, not for this modality, or the hub cannot be reached.
    """
    from torch import nn

    from scitrain.fewshot.networks import Behind
    from scitrain.training.transforms import ImageInput

    origin = resolve(name, modality, None, workspace)
    spec = origin.model.settled()
    featuriser = spec.featuriser(modality, columns)
    if featuriser is None:
        everything = np.arange(len(next(iter(columns.values()))))
        featuriser = MODALITIES[modality].featuriser(spec.kinds()[0], columns, everything)
    network = spec.build(featuriser.shape())
    inputs: nn.Module = nn.Identity()
    if network.statistics is not None:
        inputs = ImageInput(featuriser.shape())
        inputs.fix(*map(np.array, network.statistics))
    return Encoder(featuriser, Behind(inputs, network), origin.words, True, origin.licence)


def run_encoder(source: Run, config: TrainedConfig) -> Encoder:
    """Return the body of a trained network with its featuriser."""
    from scitrain.fewshot.networks import Body

    family = config.model["family"]
    return Encoder(config.featuriser_object(), Body(load_predictor(source)), f"{family} of {source.id}", True)


def natural_encoder(modality: str, columns: Columns, fitted: np.ndarray) -> tuple[Encoder, np.ndarray, dict[int, str]]:
    """Return the modality's own features, scaled by the rows ``fitted`` (labels take no part), the raw rows and bad ones.

    Pixels stay as they are: they share a unit.
    """
    from torch import nn

    from scitrain.fewshot.networks import Plain
    from scitrain.training.transforms import ImageInput, learn_input

    offered = MODALITIES[modality]
    featuriser = offered.featuriser(offered.kinds[0], columns, fitted)
    x, bad = featuriser.transform(columns)
    good = np.setdiff1d(fitted, np.array(sorted(bad), dtype=np.int64))
    inputs = learn_input(featuriser.shape(), x, good if len(good) else fitted)[0]
    inputs = nn.Identity() if isinstance(inputs, ImageInput) else inputs
    return Encoder(featuriser, Plain(inputs), f"features of {modality} data", False), x, bad
