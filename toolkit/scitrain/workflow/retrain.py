"""Train a network that is there a little further, on the rows it was trained on."""

import math
from collections.abc import Callable
from dataclasses import replace

from scitrain.contracts.model import ModelSpec
from scitrain.data.prepared import Prepared
from scitrain.runs import Run
from scitrain.training.auto import choose
from scitrain.training.fit import fit
from scitrain.training.options import TrainingOptions
from scitrain.training.predictor import Predictor
from scitrain.training.start import Continued
from scitrain.training.unrecorded import Unrecorded
from scitrain.workflow.again import origin
from scitrain.workflow.network import Network
from scitrain.workflow.training import TrainingRequest, learning_of

__all__ = ["further"]

SHARE = 0.3
"""Of the rate that the network was trained with: near a minimum larger steps undo what was learned."""

Further = Callable[[Predictor, ModelSpec, bool], Predictor]
"""Network, its family, whether zeros stay zeros → the network trained further."""


def further(source: Run, prepared: Prepared, network: Network, epochs: int, run: Run) -> Further:
    """Return what trains a network ``epochs`` epochs further as the run ``source`` was trained, the best of them by validation rows kept.

    Nothing is written but progress: a run that is killed begins anew, with the same numbers on a CPU.
    """
    spec = origin(source).record().spec
    request = TrainingRequest.model_validate({n: spec[n] for n in TrainingRequest.model_fields if n in spec})
    learning = learning_of(prepared, network, request, run)
    settled = choose(_here(request), network.model, learning.shape, len(learning.train))[0]
    options = _here(request).model_copy(
        update={
            "epochs": epochs,
            "patience": epochs,
            "learning_rate": SHARE * settled.learning_rate,
            "checkpoint_seconds": math.inf,
            "loggers": [],
            "max_minutes": None,
        }
    )
    silent = Unrecorded(run.path, run.workspace)

    def train(predictor: Predictor, model: ModelSpec, sparse: bool) -> Predictor:
        own = options.model_copy(update={"ensemble": len(predictor.members)})
        again = replace(learning, model=model, options=own, start=Continued(predictor, sparse))
        fitted = fit(
            again, silent, lambda row: run.progress("tune", row["epoch"], epochs, f"epoch {row['epoch']:g}/{epochs}")
        )
        return fitted.predictor

    return train


def _here(request: TrainingRequest) -> TrainingOptions:
    """Return the options of the training, on whatever this machine has, in one process."""
    return request.part(TrainingOptions).model_copy(update={"device": "auto", "devices": 1})
