"""What the last layer of a network says of a number: the number, its mean and variance, or three of its quantiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from scitrain.training.options import HeadKind

__all__ = [
    "HUBER_DELTA",
    "POINT",
    "FlooredHead",
    "GaussianHead",
    "Head",
    "QuantileHead",
    "make_head",
    "standard_deviation",
]

SMALLEST = 1e-6
"""Least variance, in squared standard deviations of the target: the logarithm of a perfect fit has no bottom."""
HUBER_DELTA = 0.1
"""Where the Huber loss turns from square to linear, in standard deviations of the target: nearly the absolute error, smooth at zero."""
VOTERS = 3
"""Members from which a median is another number than the mean."""
BETA = 0.5
"""Of β-NLL: the exponent that Seitzer recommends."""


class Head:
    """ŷ: one output a target. The spread is the standard deviation (K − 1) of the K members of an ensemble."""

    kind: ClassVar[HeadKind] = "point"
    columns: ClassVar[int] = 1
    """Outputs a target."""
    tells_spread: ClassVar[bool] = False
    """True where a single network says how sure it is."""
    names: ClassVar[tuple[str, ...]] = ()
    """Outputs of the network beside prediction, spread and representation."""
    floors: tuple[float, ...] = ()
    """Smallest prediction of each target, −∞ where it has none; none at all where no target has one."""

    def centre(self, outputs: Tensor) -> Tensor:
        """Return the prediction of each member (members, n, targets) in outputs (members, n, columns · targets)."""
        return outputs

    def combine(self, outputs: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        """Return prediction and spread (n, targets) of all members together, in the target's unit, then `names`.

        Args:
            outputs: (members, n, columns · targets), in deviations of the target.
            scale: (targets,) standard deviation of the target.
            shift: (targets,) mean of the target.
        """
        each = outputs * scale + shift
        return self.cut(self.agreed(each)), standard_deviation(each)

    def agreed(self, each: Tensor) -> Tensor:
        """Return one prediction (n, targets) of those of the members (members, n, targets)."""
        return each.mean(dim=0)

    def agreement(self, members: int) -> str:
        """Return how the predictions of so many members become one."""
        return "mean"

    def cut(self, prediction: Tensor) -> Tensor:
        """Return a prediction (n, targets) as it is told."""
        return prediction

    def loss(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the loss of each label, shaped as y (members, n, targets).

        Args:
            outputs: (members, n, columns · targets).
            y: Labels in deviations of the target; finite.
            proper: True takes the scoring rule that epochs are compared by, where training itself follows another.
        """
        return functional.mse_loss(outputs, y, reduction="none")


POINT = Head()


@dataclass(frozen=True)
class FlooredHead(Head):
    """ŷ = max(median of the members, floor): labels that pile up at their smallest value end there, as gaps do at zero.

    Whether a row lies at the floor is a matter of votes, which a mean would spoil: one that says 3 outvotes three that say 0. The
    median is cut, not each member.
    """

    floors: tuple[float, ...]

    def agreed(self, each: Tensor) -> Tensor:
        """Return the median, of an even number the mean of the two in the middle."""
        members = each.shape[0]
        if members < VOTERS:
            return super().agreed(each)
        upper = each.topk(members // 2 + 1, dim=0).values
        return upper[-1] if members % 2 else (upper[-1] + upper[-2]) / 2

    def agreement(self, members: int) -> str:
        """Return that the median is told, where there are members enough."""
        return super().agreement(members) if members < VOTERS else "median"

    def cut(self, prediction: Tensor) -> Tensor:
        """Return a prediction (n, targets), none below its floor."""
        return torch.maximum(prediction, torch.tensor(self.floors, dtype=prediction.dtype, device=prediction.device))


class GaussianHead(Head):
    """N(μ, σ²), two outputs a target, learned by β-NLL: stop(σ²)^β · [½ ln 2πσ² + (y − μ)² / 2σ²].

    The weight keeps rows of large variance from being given up early (Seitzer 2022, arXiv:2203.09168); epochs are compared by the
    plain NLL, which is proper. Members are one mixture: μ̄ = mean μ_k, σ̄² = mean(σ_k² + μ_k²) − μ̄², noise and disagreement
    together (Lakshminarayanan 2017, arXiv:1612.01474).
    """

    kind: ClassVar[HeadKind] = "gaussian"
    columns: ClassVar[int] = 2
    tells_spread: ClassVar[bool] = True

    def centre(self, outputs: Tensor) -> Tensor:
        """Return the means."""
        return outputs.chunk(2, dim=-1)[0]

    def combine(self, outputs: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        """Return mean and standard deviation of the mixture."""
        mean, variance = self._moments(outputs)
        middle = mean.mean(dim=0)
        apart = (mean - middle).square().mean(dim=0)
        return middle * scale + shift, (variance.mean(dim=0) + apart).sqrt() * scale

    def loss(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return β-NLL, or the NLL in nats where ``proper``."""
        mean, variance = self._moments(outputs)
        nll = 0.5 * (math.log(2 * math.pi) + variance.log() + (y - mean).square() / variance)
        return nll if proper else variance.detach() ** BETA * nll

    def _moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = outputs.chunk(2, dim=-1)
        return mean, functional.softplus(raw) + SMALLEST


@dataclass(frozen=True)
class QuantileHead(Head):
    """Median and the quantiles (1 ± coverage) / 2, three outputs a target, learned by the pinball loss.

    The ends are median − softplus(a) and median + softplus(b), so they never cross. Members are averaged quantile by quantile.
    The spread is the standard deviation of a Gaussian with such ends. Loss: mean over the levels τ of max(τe, (τ − 1)e),
    e = y − q (Koenker & Bassett 1978, doi:10.2307/1913643).
    """

    coverage: float
    """Share of labels between the two ends."""
    kind: ClassVar[HeadKind] = "quantile"
    columns: ClassVar[int] = 3
    tells_spread: ClassVar[bool] = True
    names: ClassVar[tuple[str, ...]] = ("ends",)

    @property
    def reach(self) -> float:
        """Half the width of such an interval of the standard normal distribution."""
        return math.sqrt(2) * float(torch.erfinv(torch.tensor(self.coverage, dtype=torch.float64)))

    def centre(self, outputs: Tensor) -> Tensor:
        """Return the medians."""
        return outputs.chunk(3, dim=-1)[0]

    def combine(self, outputs: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        """Return median, spread, and the ends (n, targets, 2)."""
        low, middle, high = (q.mean(dim=0) * scale + shift for q in self._quantiles(outputs))
        return middle, (high - low) / (2 * self.reach), torch.stack((low, high), dim=-1)

    def loss(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the pinball loss, a proper score itself."""
        levels = ((1 - self.coverage) / 2, 0.5, (1 + self.coverage) / 2)
        each = [_pinball(y - q, level) for q, level in zip(self._quantiles(outputs), levels, strict=True)]
        return torch.stack(each).mean(dim=0)

    def _quantiles(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        middle, below, above = outputs.chunk(3, dim=-1)
        return middle - functional.softplus(below), middle, middle + functional.softplus(above)


def _pinball(apart: Tensor, level: float) -> Tensor:
    return torch.maximum(level * apart, (level - 1) * apart)


def standard_deviation(each: Tensor) -> Tensor:
    """Return the standard deviation (K − 1) over the first axis of ``each``; zeros for K = 1."""
    if each.shape[0] == 1:
        return torch.zeros_like(each[0])
    return ((each - each.mean(dim=0)).square().sum(dim=0) / (each.shape[0] - 1)).sqrt()


def make_head(kind: HeadKind, coverage: float, floors: Sequence[float] = ()) -> Head:
    """Return the head of a kind; ``coverage`` is that of the quantiles' interval, ``floors`` are those of points."""
    if kind == "quantile":
        return QuantileHead(coverage)
    if kind == "gaussian":
        return GaussianHead()
    return FlooredHead(tuple(floors)) if floors else POINT
