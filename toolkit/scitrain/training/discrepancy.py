"""How far the features of two domains lie apart, as something to train by."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["coral", "mmd", "ramp", "reverse_gradient"]

STEEPNESS = 10.0
"""γ of the ramp, as in its source."""
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths of the kernels, in the mean squared distance of all rows (Long et al. 2015, arXiv:1502.02791)."""


def ramp(share: float) -> float:
    """Return 2 / (1 + exp(−10 p)) − 1 for the share p of the training that is done: 0 at first, near 1 from a third on.

    Ganin & Lempitsky 2015, arXiv:1409.7495: early features are noise, and nothing is learned from aligning noise.
    """
    return float(torch.tanh(torch.tensor(STEEPNESS * share / 2, dtype=torch.float64)))


class _Reversed(torch.autograd.Function):
    """The identity, whose gradient is turned round: y = x, ∂L/∂x = −λ ∂L/∂y (Ganin & Lempitsky 2015, arXiv:1409.7495)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(features: Tensor, strength: Tensor) -> Tensor:
        """Return the features as they are; a view of them would be no output of its own."""
        return features.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ANN401 -- torch's own
        """Keep λ."""
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 -- torch's own
        """Return −λ times the gradient; λ itself is not learned."""
        (strength,) = ctx.saved_tensors
        return -strength * gradient, None


def reverse_gradient(features: Tensor, strength: Tensor) -> Tensor:
    """Return the features (…) unchanged; going back, their gradient is multiplied by −``strength``, a scalar."""
    reversed_: Tensor = _Reversed.apply(features, strength)
    return reversed_


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Return ‖C_S − C_T‖²_F / (4 d²) of each member, (members,), of features (members, n, d) and (members, m, d).

    Sun & Saenko 2016, doi:10.1007/978-3-319-49409-8_35.
    """
    apart = _covariance(source) - _covariance(target)
    return apart.square().sum((1, 2)) / (4 * source.shape[2] ** 2)


def _covariance(features: Tensor) -> Tensor:
    """Return (members, d, d)."""
    centred = features - features.mean(1, keepdim=True)
    return centred.transpose(1, 2) @ centred / max(1, features.shape[1] - 1)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Return MMD² of each member, (members,), of features (members, n, d) and (members, m, d).

    MMD² = mean k(s, s′) + mean k(t, t′) − 2 mean k(s, t), with k the mean of Gaussian kernels whose widths follow the mean
    squared distance of all rows (Gretton et al. 2012, jmlr.org/papers/v13/gretton12a; the biased estimate, never negative).
    """
    n = source.shape[1]
    rows = torch.cat([source, target], dim=1)
    norms = rows.square().sum(2)
    apart = (norms[:, :, None] + norms[:, None, :] - 2 * rows @ rows.transpose(1, 2)).clamp(min=0)
    usual = apart.detach().mean((1, 2), keepdim=True).clamp(min=1e-12)
    alike = torch.stack([torch.exp(-apart / (width * usual)) for width in WIDTHS]).mean(0)
    same = alike[:, :n, :n].mean((1, 2)) + alike[:, n:, n:].mean((1, 2))
    return same - 2 * alike[:, :n, n:].mean((1, 2))
