"""Where few-shot learning takes its points from; the one place where a source is named."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.errors import RunNotFoundError, ScitrainError
from scitrain.inference import TrainedConfig, load_predictor, read_config
from scitrain.modalities import MODALITIES
from scitrain.runs import Run
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FEATURES", "Encoder", "natural_encoder", "run_encoder", "trained_source"]

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


def trained_source(name: str, workspace: Workspace) -> tuple[Run, TrainedConfig] | None:
    """Return the run that ``encoder`` names with what it was trained on, or None for `FEATURES`.

    Raises:
        ScitrainError: It is neither `FEATURES` nor a run with a trained model.
    """
    if name == FEATURES:
        return None
    try:
        source = Run.open(name, workspace)
    except RunNotFoundError as error:
        raise ScitrainError(f"encoder={name!r} is neither {FEATURES!r} nor the id of a trained run: {error}") from None
    return source, read_config(source)


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
