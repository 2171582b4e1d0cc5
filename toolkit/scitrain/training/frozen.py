"""A network that is its exported file: it predicts like a `Predictor`, and has no weights of its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scitrain.errors import ScitrainError
from scitrain.training.predictor import Predictor

__all__ = ["Frozen"]


class Frozen(Predictor):
    """Rows → file → prediction, spread, representation.

    Its members say what the network is made of; their numbers are not those of the file, and nothing is computed with them.
    """

    path: Path
    """The file."""
    compute: Callable[[np.ndarray], tuple[np.ndarray, ...]]

    @classmethod
    def of(
        cls, architecture: Predictor, path: Path, compute: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    ) -> "Frozen":
        """Take over what ``architecture`` says of itself, and predict by ``compute``, a function of a batch of rows."""
        frozen = cls.__new__(cls)
        frozen.__dict__.update(architecture.__dict__)
        frozen.__dict__.update(path=path, compute=compute, stored="int8")
        return frozen

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return prediction and spread, both (n, n_outputs), representation, and what the head says besides, on the rows' device.

        Raises:
            ScitrainError: Somebody asks for gradients.
        """
        if rows.requires_grad:
            raise self._refusal()
        found = self.compute(rows.detach().cpu().numpy())
        return tuple(torch.from_numpy(part).to(rows.device) for part in found)

    def run_members(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse: a file has no members.

        Raises:
            ScitrainError: Always.
        """
        raise self._refusal()

    def _refusal(self) -> ScitrainError:
        return ScitrainError(
            f"{self.path.parent.parent.name} is an int8 model, computed by onnxruntime: it has no gradients and no logits; "
            "explain, train or export the run it was made from"
        )
