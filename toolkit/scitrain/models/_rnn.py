"""Network of the family ``rnn``."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from scitrain.models._encoder import Encoder

__all__ = ["RnnEncoder", "SeriesRnnEncoder", "reorder"]


class RnnEncoder(Encoder):
    """Recurrent layers over token ids or the values of a series; a row's features are the last states of each direction.

    Padding (id 0, at the end) never enters a state: a left-to-right layer meets it after the last token, and the
    right-to-left layer reads each row reversed within its own length. So a row gives the same features in any batch,
    without packed sequences, whose lengths an export could not follow.
    """

    recomputes = False

    def __init__(
        self, embedding: nn.Module, inside: int, hidden: int, layers: int, cell: Literal["lstm", "gru"], dropout: float
    ) -> None:
        super().__init__()
        make = nn.LSTM if cell == "lstm" else nn.GRU
        self.width = 2 * hidden
        self.embedding = embedding
        sizes = [inside, *[2 * hidden] * (layers - 1)]
        self.rightward = nn.ModuleList([make(size, hidden, batch_first=True) for size in sizes])
        self.leftward = nn.ModuleList([make(size, hidden, batch_first=True) for size in sizes])
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map token ids (batch, length) to (batch, width); a row without tokens counts as one padding token."""
        return self.run(self.dropout(self.embedding(rows)), (rows != 0).sum(dim=1, keepdim=True).clamp(min=1))

    def run(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Map (batch, length, inside) and the lengths (batch, 1) to (batch, width)."""
        places = torch.arange(states.shape[1], device=states.device).unsqueeze(0)
        mirror = torch.where(places < lengths, lengths - 1 - places, places).unsqueeze(2)
        for right, left in zip(self.rightward, self.leftward, strict=True):
            forth: Tensor = right(states)[0]
            back: Tensor = left(reorder(states, mirror))[0]
            states = self.dropout(torch.cat((forth, reorder(back, mirror)), dim=2))
        half = self.width // 2
        last = reorder(states, (lengths - 1).unsqueeze(2))[:, 0, :half]
        return torch.cat((last, states[:, 0, half:]), dim=1)


class SeriesRnnEncoder(RnnEncoder):
    """The same over a series: each place is projected to ``inside`` numbers; ``there`` is the channel that says where a row ends."""

    def __init__(self, there: int | None, embedding: nn.Module, **sizes: Any) -> None:  # noqa: ANN401 - as of RnnEncoder
        super().__init__(embedding, **sizes)
        self.there = -1 if there is None else there

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, length) to (batch, width)."""
        if self.there < 0:
            lengths = torch.full((rows.shape[0], 1), rows.shape[2], device=rows.device)
        else:
            lengths = (rows[:, self.there] > 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.run(self.dropout(self.embedding(rows.transpose(1, 2))), lengths)


def reorder(states: Tensor, places: Tensor) -> Tensor:
    """Take the states (batch, length, width) at ``places`` (batch, new length, 1)."""
    return states.gather(1, places.expand(-1, -1, states.shape[2]))
