"""Network of the family ``resnet``."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["ResnetEncoder"]

SMALL = 64
"""Below this many pixels a side the stem keeps the resolution, as for CIFAR in the paper."""


class ResidualBlock(nn.Module):
    """x ↦ ReLU(F(x) + S(x)): F two 3×3 convolutions with batch-norm, S the identity, or a 1×1 convolution where shapes differ."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
        )
        # A block that starts as the identity trains faster (Goyal et al. 2017, arXiv:1706.02677).
        nn.init.zeros_(self.body[4].weight)  # type: ignore[arg-type]
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        self.activation = nn.ReLU()

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inside, h, w) to (batch, outside, h / stride, w / stride)."""
        if self.training:
            rows = rows.contiguous(
                memory_format=torch.channels_last
            )  # trains faster so; the first block asks, all others have it
        out: Tensor = self.activation(self.body(rows) + self.shortcut(rows))
        return out


class ResnetEncoder(Encoder):
    """Stem, four layers of residual blocks, mean over height and width, dropout."""

    def __init__(
        self, channels: int, size: tuple[int, int], widths: Sequence[int], blocks: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.width = widths[-1]
        layers: list[nn.Module] = [_stem(channels, widths[0], small=min(size) < SMALL)]
        inside = widths[0]
        for level, (outside, count) in enumerate(zip(widths, blocks, strict=True)):
            first = ResidualBlock(inside, outside, stride=1 if level == 0 else 2)
            layers.append(nn.Sequential(first, *(ResidualBlock(outside, outside, 1) for _ in range(count - 1))))
            inside = outside
        self.stages = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, width)."""
        features: Tensor = self.dropout(self.pool(self.through(self.stages, rows)).flatten(1))
        return features


def _stem(channels: int, width: int, small: bool) -> nn.Sequential:
    if small:
        return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    return nn.Sequential(
        nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    )
