"""Some rows as tensors, with the function that is explained."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from scitrain.explaining.function import Explained

__all__ = ["Part", "Way"]


@dataclass(frozen=True)
class Part:
    """Some rows as tensors."""

    explained: Explained
    x: Tensor
    baseline: Tensor
    outputs: Tensor
    missing: Tensor | None

    def says(self, rows: Tensor) -> Tensor:
        """Return f (n,) of the explained output of each row."""
        with torch.no_grad():
            said: Tensor = self.explained(rows, self.missing)
            return said.gather(1, self.outputs[:, None])[:, 0]


Way = Callable[[Part], Tensor]
"""From rows (n, …) to attributions of the same shape."""
