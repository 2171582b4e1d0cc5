"""Networks of the family ``transformer``."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from scitrain.models._encoder import Encoder

__all__ = ["Attention", "SeriesTransformerEncoder", "TokenTransformerEncoder"]


class Attention(nn.Module):
    """softmax(Q Kᵀ / √d + mask) V in several heads; hidden places are seen by none."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, rows: Tensor, seen: Tensor | None) -> Tensor:
        """Map (batch, length, width) to the same; ``seen`` is bool (batch, 1, 1, length), None where all places are."""
        batch, length, width = rows.shape
        parts = self.project(rows).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        share = self.share if self.training else 0.0
        found = scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=seen, dropout_p=share)
        out: Tensor = self.out(found.transpose(1, 2).reshape(batch, length, width))
        return out


class Layer(nn.Module):
    """x ↦ x + attention(norm(x)), then x + W₂ GELU(W₁ norm(x)): the norm comes first (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = Attention(width, heads, dropout)
        self.mix = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, seen: Tensor) -> Tensor:
        """Map (batch, length, width) to the same."""
        rows = rows + self.dropout(self.attention(self.norms[0](rows), seen))
        return rows + self.dropout(self.mix(self.norms[1](rows)))  # type: ignore[no-any-return]


class Trunk(nn.Module):
    """Places, layers, a last norm, and the mean over what is seen."""

    def __init__(self, length: int, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(length, width).normal_(std=0.02))
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, seen: Tensor, recompute: bool = False) -> Tensor:
        """Map (batch, length, width) and bool (batch, length) to (batch, width); keep only what lies between layers, or all."""
        states = self.dropout(rows + self.places[: rows.shape[1]])
        # a row with nothing in it attends to its first place: a softmax over nothing is no number
        first = torch.arange(seen.shape[1], device=seen.device).unsqueeze(0) == 0
        seen = seen | (first & ~seen.any(dim=1, keepdim=True))
        mask = seen[:, None, None, :]
        for layer in self.layers:
            again = recompute and self.training
            states = checkpoint(layer, states, mask, use_reentrant=False) if again else layer(states, mask)
        weight = seen.unsqueeze(2).to(states.dtype)
        return (self.norm(states) * weight).sum(1) / weight.sum(1)  # type: ignore[no-any-return]


class TokenTransformerEncoder(Encoder):
    """Embedding and `Trunk`; padding (id 0) is neither attended to nor averaged."""

    def __init__(self, vocabulary: int, trunk: Trunk) -> None:
        super().__init__()
        self.width = trunk.places.shape[1]
        self.embedding = nn.Embedding(vocabulary, self.width, padding_idx=0)
        self.trunk = trunk

    def forward(self, rows: Tensor) -> Tensor:
        """Map token ids (batch, length) to (batch, width)."""
        features: Tensor = self.trunk(self.embedding(rows), rows != 0, self.gradient_checkpointing)
        return features


class SeriesTransformerEncoder(Encoder):
    """Patches of consecutive values as tokens (Nie et al. 2023, arXiv:2211.14730), and `Trunk`.

    The last patch is filled up with zeros. Where rows differ in length, a patch without any value is hidden.
    """

    def __init__(self, channels: int, patch: int, there: int | None, trunk: Trunk) -> None:
        super().__init__()
        self.width = trunk.places.shape[1]
        self.patch, self.there = patch, -1 if there is None else there
        self.embed = nn.Conv1d(channels, self.width, patch, stride=patch)
        self.trunk = trunk

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, length) to (batch, width)."""
        whole = pad(rows, (0, -rows.shape[2] % self.patch))
        states = self.embed(whole).transpose(1, 2)
        if self.there < 0:
            seen = torch.ones(states.shape[:2], dtype=torch.bool, device=rows.device)
        else:
            inside = whole[:, self.there].reshape(whole.shape[0], -1, self.patch)
            seen = (inside > 0).any(dim=2)
        features: Tensor = self.trunk(states, seen, self.gradient_checkpointing)
        return features
