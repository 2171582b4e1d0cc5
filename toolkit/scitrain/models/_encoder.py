"""The half of a network that a family defines."""

from torch import Tensor, nn

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Rows to features: (batch, *row) → (batch, ``width``); a linear head turns features into outputs.

    Kept apart from the head so that a head can be replaced, features cached and distances measured.
    """

    width: int
    """Number of features a row ends as."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return the features (batch, width)."""
        raise TypeError(f"{type(self).__name__} does not define forward")
