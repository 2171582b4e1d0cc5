"""Network of the family ``mlp``."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from scitrain.models._encoder import Encoder

__all__ = ["MlpEncoder", "Norm"]

Norm = Literal["batch", "layer", "none"]


class Layer(nn.Module):
    """h ↦ dropout(GELU(norm(h W + b))), plus h where ``residual``.

    W lies as (inside, outside), not as `nn.Linear` has it: vmap would copy all members' transposed weights in each step.
    """

    bias: nn.Parameter | None

    def __init__(self, inside: int, outside: int, norm: Norm, dropout: float, residual: bool) -> None:
        super().__init__()
        bound = inside**-0.5
        self.weight = nn.Parameter(torch.empty(inside, outside).uniform_(-bound, bound))
        # Batch-norm takes any bias away again; one that is there drifts by rounding errors alone.
        self.bias = nn.Parameter(torch.empty(outside).uniform_(-bound, bound)) if norm != "batch" else None
        self.norm = _norm(norm, outside)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(dropout)
        self.residual = residual and inside == outside

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inside) to (batch, outside)."""
        out: Tensor = self.dropout(self.activation(self.norm(self._linear(rows))))
        return rows + out if self.residual else out

    def _linear(self, rows: Tensor) -> Tensor:
        if not self.training:  # as exporters know it, to fold batch-norm into it
            return functional.linear(rows, self.weight.t(), self.bias)
        bias = self.bias
        # Of these two the gradient comes as W lies.
        return torch.mm(rows, self.weight) if bias is None else torch.addmm(bias, rows, self.weight)


class MlpEncoder(Encoder):
    """Fully connected layers on a vector.

    Blocks of the vector (such as descriptors and counts) start with equal voice: each block's first weights are drawn
    with the fan-in of that block, so that a thousand sparse counts do not shrink the weights of two hundred descriptors.
    """

    vectorises = True

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        norm: Norm,
        dropout: tuple[float, float],
        residual: bool,
        blocks: Mapping[str, tuple[int, int]],
    ) -> None:
        super().__init__()
        sizes = [inputs, *widths]
        self.width = sizes[-1]
        self.input_dropout = nn.Dropout(dropout[0])
        pairs = pairwise(sizes)
        self.layers = nn.Sequential(*(Layer(a, b, norm, dropout[1], residual) for a, b in pairs))
        if len(blocks) > 1:
            _equal_voice(self.layers[0].weight, blocks)  # type: ignore[arg-type]

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, width)."""
        return self.through(self.layers, self.input_dropout(rows))


def _norm(norm: Norm, width: int) -> nn.Module:
    if norm == "none":
        return nn.Identity()
    return nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width)


def _equal_voice(weight: Tensor, blocks: Mapping[str, tuple[int, int]]) -> None:
    """Redraw the rows of each block with variance 1 / (3 · columns · blocks), which keeps the sum's variance."""
    with torch.no_grad():
        for start, end in blocks.values():
            bound = (1 / max((end - start) * len(blocks), 1)) ** 0.5
            weight[start:end].uniform_(-bound, bound)
