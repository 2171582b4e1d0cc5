"""Networks of the family ``cnn1d``."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["SeriesCnnEncoder", "TokenCnnEncoder"]


class ConvBlock1d(nn.Module):
    """Convolution over ``kernel`` places, batch-norm, GELU."""

    def __init__(self, inside: int, outside: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        reach = dilation * (kernel // 2)
        # the batch-norm has the bias
        self.convolution = nn.Conv1d(inside, outside, kernel, padding=reach, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(outside)
        self.activation = nn.GELU()

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inside, length) to (batch, outside, length)."""
        out: Tensor = self.activation(self.norm(self.convolution(rows)))
        return out


class SeriesCnnEncoder(Encoder):
    """Stages of `ConvBlock1d`, each halving the length, then one layer over all places: where a peak lies matters."""

    def __init__(self, channels: int, length: int, widths: Sequence[int], kernel: int, dropout: float) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        inside, left = channels, length
        for outside in widths:
            # rounding up keeps an axis of one place, so that short series pass through as well
            stages.append(nn.Sequential(ConvBlock1d(inside, outside, kernel), nn.MaxPool1d(2, ceil_mode=True)))
            inside, left = outside, -(-left // 2)
        self.width = 2 * widths[-1]
        self.stages = nn.Sequential(*stages)
        self.gather = nn.Sequential(nn.Flatten(1), nn.Linear(inside * left, self.width), nn.GELU())
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, length) to (batch, width)."""
        features: Tensor = self.dropout(self.gather(self.through(self.stages, rows)))
        return features


class TokenCnnEncoder(Encoder):
    """Embedding, blocks whose reach doubles (dilation 1, 2, 4, …), then mean and maximum over the tokens.

    Padding is set to zero before each block and left out of mean and maximum, so that a row gives the same features in any
    batch, and cut to its own length.
    """

    def __init__(self, vocabulary: int, embedding: int, widths: Sequence[int], kernel: int, dropout: float) -> None:
        super().__init__()
        sizes = [embedding, *widths]
        self.width = 2 * widths[-1]
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=0)
        self.blocks = nn.ModuleList(ConvBlock1d(sizes[i], sizes[i + 1], kernel, 2**i) for i in range(len(widths)))
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map token ids (batch, length) to (batch, width)."""
        there = (rows != 0).unsqueeze(1).to(self.embedding.weight.dtype)
        states: Tensor = self.dropout(self.embedding(rows)).transpose(1, 2)
        for block in self.blocks:
            out = block(states * there)
            states = states + out if out.shape[1] == states.shape[1] else out
        mean = (states * there).sum(2) / there.sum(2).clamp(min=1)
        # far below any activation, yet finite: a row without tokens stays a number
        largest = (states * there + (there - 1) * 1e4).amax(2).clamp(min=-10)
        features: Tensor = self.dropout(torch.cat((mean, largest), dim=1))
        return features
