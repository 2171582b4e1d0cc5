"""Network of the family ``cnn``."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["CnnEncoder"]


class ConvBlock(nn.Sequential):
    """Convolution 3×3, batch-norm, GELU; then, but for the last stage, a pooling that halves height and width."""

    def __init__(self, inside: int, outside: int, pool: bool) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False),  # the batch-norm has the bias
            nn.BatchNorm2d(outside),
            nn.GELU(),
            # Rounding up keeps an axis of one pixel, so that images smaller than 8 pixels pass through as well.
            nn.MaxPool2d(2, ceil_mode=True) if pool else nn.Identity(),
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inside, height, width) to (batch, outside, …)."""
        for place, layer in enumerate(self):
            rows = layer(rows)
            # Channels side by side: norm, pooling and convolutions train a fifth to a third faster so. Asked of the first
            # convolution's output, for images of one channel have no order of channels to tell a convolution.
            if place == 0 and self.training:
                rows = rows.contiguous(memory_format=torch.channels_last)
        return rows


class CnnEncoder(Encoder):
    """Stages of `ConvBlock`, mean over height and width, dropout."""

    def __init__(self, channels: int, widths: Sequence[int], dropout: float) -> None:
        super().__init__()
        sizes = [channels, *widths]
        self.width = sizes[-1]
        last = len(widths) - 1
        self.stages = nn.Sequential(*(ConvBlock(sizes[i], sizes[i + 1], pool=i < last) for i in range(len(widths))))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, width)."""
        features: Tensor = self.dropout(self.pool(self.through(self.stages, rows)).flatten(1))
        return features
