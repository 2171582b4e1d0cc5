"""Networks that turn raw rows into points: features as they are, the body of a trained network, a projection of either."""

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.fewshot.prototypes import Array
from scitrain.training.predictor import Predictor

__all__ = ["Behind", "Body", "Plain", "encode", "projection"]

BATCH = 1024
WIDEST = 64
"""Axes that a projection keeps at most."""


class Plain(nn.Module):
    """Features behind their transform, flat."""

    def __init__(self, inputs: nn.Module) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, rows: Tensor) -> Tensor:
        """Map raw rows (batch, …) to (batch, width)."""
        flat: Tensor = self.inputs(rows).flatten(1)
        return flat


class Behind(nn.Module):
    """An encoder behind the transform that its weights expect."""

    def __init__(self, inputs: nn.Module, encoder: nn.Module) -> None:
        super().__init__()
        self.inputs, self.encoder = inputs, encoder

    def forward(self, rows: Tensor) -> Tensor:
        """Map raw rows (batch, …) to (batch, width)."""
        found: Tensor = self.encoder(self.inputs(rows))
        return found


class Body(nn.Module):
    """A trained predictor without its heads: the features of all members side by side."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, rows: Tensor) -> Tensor:
        """Map raw rows (batch, …) to (batch, widths)."""
        ready = self.predictor.inputs(rows)
        return torch.cat([member.encoder(ready) for member in self.predictor.members], dim=1)  # type: ignore[operator]


def projection(points: Array) -> nn.Linear:
    """Return a linear map of ``points`` (n, width) to their main axes, at most `WIDEST`: where training begins."""
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    kept = torch.from_numpy(np.ascontiguousarray(axes[:WIDEST])).float()
    linear = nn.Linear(points.shape[1], len(kept))
    with torch.no_grad():
        linear.weight.copy_(kept)
        linear.bias.copy_(-kept @ torch.from_numpy(points.mean(axis=0)).float())
    return linear


def encode(network: nn.Module, rows: np.ndarray) -> Array:
    """Return the points (n, width) of raw rows (n, …), as float64: distances of single precision cancel."""
    network.eval()
    with torch.inference_mode():
        parts = [network(torch.from_numpy(np.array(rows[i : i + BATCH]))) for i in range(0, max(len(rows), 1), BATCH)]
    return torch.cat(parts).double().numpy()
