"""The half of a network that a family defines."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Rows to features: (batch, *row) → (batch, ``width``); a linear head turns features into outputs.

    Kept apart from the head so that a head can be replaced, features cached and distances measured.
    """

    width: int
    """Number of features a row ends as."""
    vectorises: bool = False
    """True where several members train faster in one pass with a member axis (`torch.func`) than one after another."""
    statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Channel means and standard deviations that pretrained weights expect; None learns them from the training rows."""
    recomputes: bool = True
    """False where the network has no stages between which activations could be recomputed."""
    sorts: bool = False
    """True where rows of tokens cost what they are long, so that a batch shall hold rows of like lengths."""
    reads: str = ""
    """What of a row it reads, such as "tokens", where members of one ensemble read different things."""
    gradient_checkpointing: bool = False
    """True recomputes activations in the backward pass instead of keeping them."""
    as_given: bool = False
    """True computes rows in their order and at their length, for whoever looks at what lies between the layers."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return the features (batch, width)."""
        raise TypeError(f"{type(self).__name__} does not define forward")

    def meet(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn before the first step what is no weight, such as the spread of a column, from raw rows ``chosen`` of (n, *row)."""

    def set_gradient_checkpointing(self, on: bool) -> None:
        """Recompute activations in the backward pass, or keep them."""
        self.gradient_checkpointing = on

    def embeddings(self) -> list[nn.Module]:
        """Return the layers that turn token ids into vectors; none where rows are no tokens."""
        return [module for module in self.modules() if isinstance(module, nn.Embedding)]

    def through(self, stages: nn.Sequential, rows: Tensor) -> Tensor:
        """Run ``stages`` one after the other, keeping only what lies between them where checkpointing is on."""
        if torch.jit.is_scripting() or not (self.training and self.gradient_checkpointing):  # type: ignore[attr-defined]
            return stages(rows)  # type: ignore[no-any-return]
        for stage in stages:
            rows = checkpoint(stage, rows, use_reentrant=False)
        return rows
