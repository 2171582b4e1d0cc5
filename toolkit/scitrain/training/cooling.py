"""Epochs compared as they will be calibrated: by the log loss that is left after a temperature."""

import math

import torch
from torch import Tensor

__all__ = ["FEWEST_ROWS", "cooled"]

FEWEST_ROWS = 30
"""Validation rows below which a temperature would be fitted to noise."""
HOTTEST = math.log(20.0)
"""Natural logarithm of the largest T, and of the largest 1/T."""
HALVINGS = 20


def cooled(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the logits over the temperature T at which each member's mean log loss of ``y`` is least.

    A pretrained network that is trained further becomes too sure of itself while it still learns to tell classes apart: its log loss
    rises, though only the temperature is wrong, which calibration mends at the end (Berta, Holzmüller, Jordan and Bach 2025,
    arXiv:2501.19195). The log loss is convex in 1/T, so that halving the range where its slope changes sign finds the minimum.

    Args:
        outputs: (members, n, classes), or (members, n, 1) of two classes.
        y: Labels: int64 (members, n), or of two classes 0 and 1 as (members, n, 1).
    """
    logits = torch.cat([torch.zeros_like(outputs), outputs], -1) if outputs.shape[-1] == 1 else outputs
    labels = y.reshape(y.shape[:2]).long()
    own = logits.gather(-1, labels[..., None])[..., 0]
    high = torch.full((len(logits),), HOTTEST, device=logits.device)
    low = -high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        p = (middle.exp()[:, None, None] * logits).softmax(-1)
        rises = ((p * logits).sum(-1) - own).mean(1) > 0
        low, high = torch.where(rises, low, middle), torch.where(rises, middle, high)
    return outputs * ((low + high) / 2).exp()[:, None, None]
