"""Network of the family ``waves``."""

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["WavesEncoder"]


class WavesEncoder(Encoder):
    """x ↦ [sin(W x), cos(W x)]."""

    def __init__(self, inputs: int, waves: int) -> None:
        super().__init__()
        self.width = 2 * waves
        self.projection = nn.Linear(inputs, waves)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 2 × waves)."""
        phase = self.projection(rows)
        return torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)
