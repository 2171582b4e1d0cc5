"""Network of the family ``rnn``."""

from typing import Literal

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["RnnEncoder"]


class RnnEncoder(Encoder):
    """Recurrent layers over token ids; a row's features are the last states of each direction.

    Padding (id 0, at the end) never enters a state: a left-to-right layer meets it after the last token, and the
    right-to-left layer reads each row reversed within its own length. So a row gives the same features in any batch,
    without packed sequences, whose lengths an export could not follow.
    """

    def __init__(
        self, vocabulary: int, embedding: int, hidden: int, layers: int, cell: Literal["lstm", "gru"], dropout: float
    ) -> None:
        super().__init__()
        make = nn.LSTM if cell == "lstm" else nn.GRU
        self.width = 2 * hidden
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=0)
        sizes = [embedding, *[2 * hidden] * (layers - 1)]
        self.rightward = nn.ModuleList([make(size, hidden, batch_first=True) for size in sizes])
        self.leftward = nn.ModuleList([make(size, hidden, batch_first=True) for size in sizes])
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map token ids (batch, length) to (batch, width); a row without tokens counts as one padding token."""
        lengths = (rows != 0).sum(dim=1, keepdim=True).clamp(min=1)
        places = torch.arange(rows.shape[1], device=rows.device).unsqueeze(0)
        mirror = torch.where(places < lengths, lengths - 1 - places, places).unsqueeze(2)
        states: Tensor = self.dropout(self.embedding(rows))
        for right, left in zip(self.rightward, self.leftward, strict=True):
            forth: Tensor = right(states)[0]
            back: Tensor = left(_reorder(states, mirror))[0]
            states = self.dropout(torch.cat((forth, _reorder(back, mirror)), dim=2))
        half = self.width // 2
        last = _reorder(states, (lengths - 1).unsqueeze(2))[:, 0, :half]
        return torch.cat((last, states[:, 0, half:]), dim=1)


def _reorder(states: Tensor, places: Tensor) -> Tensor:
    """Take the states (batch, length, width) at ``places`` (batch, new length, 1)."""
    return states.gather(1, places.expand(-1, -1, states.shape[2]))
