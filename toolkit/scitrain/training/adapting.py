"""Learn from labelled rows of one domain such that the features of another look alike: a seam in the one training loop.

A domain enters a training as more rows of each batch and more columns of what the members say of it: half of the rows have
a label, and the further columns of all of them (a domain classifier's logit, or the features) are brought together. Without
gradients, and once trained, nothing of this is there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scitrain.training.discrepancy import coral, mmd, ramp, reverse_gradient
from scitrain.training.losses import Loss
from scitrain.training.options import AdaptMethod
from scitrain.training.predictor import Member, Predictor

__all__ = ["Adaptation", "AdaptationLoss", "AdaptingMember", "plain"]

DISTANCES = {"coral": coral, "mmd": mmd}
HIDDEN = 64
"""Units of the domain classifier."""


@dataclass(frozen=True)
class Adaptation:
    """Rows of the other domain, and how the features are brought together."""

    rows: np.ndarray
    """int64 indices of a `Learning`'s rows; their labels are not read."""
    method: AdaptMethod
    weight: float = 1.0
    """Of the method in the loss, or of the reversed gradient, once the ramp is climbed."""

    def key(self) -> bytes:
        """Return a hash of all of it."""
        digest = hashlib.sha256(f"{self.method} {self.weight}".encode())
        digest.update(np.ascontiguousarray(self.rows).tobytes())
        return digest.digest()


class AdaptingMember(Member):
    """A member that, while it is trained, also tells what its loss needs to bring two domains together."""

    def __init__(self, member: Member, method: AdaptMethod) -> None:
        nn.Module.__init__(self)
        self.encoder, self.head, self.doubt = member.encoder, member.head, member.doubt
        _switch(self.encoder, NORMS)
        self.domain = _classifier(member.encoder.width) if method == "dann" else None
        self.strength = torch.zeros(())
        """λ of the reversed gradient; the loss turns it up."""

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (batch, …) to outputs and features; in training the outputs have the domain's columns at their end."""
        output, features = super().forward(rows)
        if not self.training:
            return output, features
        told = features if self.domain is None else self.domain(reverse_gradient(features, self.strength))
        return torch.cat([output, told], dim=1), features

    def plain(self) -> Member:
        """Return the member without what only its training needed."""
        _switch(self.encoder, {own: plain for plain, own in NORMS.items()})
        bare = Member(self.encoder, self.head.out_features)
        bare.head = self.head
        return bare


class _LabelledNorm(nn.modules.batchnorm._BatchNorm):
    """Batch-norm by the labelled rows alone, the first half of a batch, so that they are computed as if no others were there.

    Otherwise the shift itself would move what the labels are learned from, in training and, by the running statistics, after it.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (batch, channels, …) to normalised ones, all by the statistics of the first half."""
        if not self.training:
            return super().forward(rows)
        own, others = rows.tensor_split(2)
        dims = [0, *range(2, rows.ndim)]
        mean = own.mean(dims, keepdim=True)
        spread = (own.var(dims, correction=0, keepdim=True) + self.eps).sqrt()
        shape = [1, -1, *[1] * (rows.ndim - 2)]
        return torch.cat(
            [super().forward(own), (others - mean) / spread * self.weight.view(shape) + self.bias.view(shape)]
        )


class _LabelledNorm1d(_LabelledNorm, nn.BatchNorm1d):
    """Of vectors and series."""


class _LabelledNorm2d(_LabelledNorm, nn.BatchNorm2d):
    """Of images."""


NORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _LabelledNorm1d,
    nn.BatchNorm2d: _LabelledNorm2d,
}


def _switch(encoder: nn.Module, kinds: Mapping[type[nn.Module], type[nn.Module]]) -> None:
    """Give modules of exactly these kinds another way to compute; their weights and names stay what they are."""
    for module in encoder.modules():
        if type(module) in kinds:
            module.__class__ = kinds[type(module)]


def _classifier(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))


def plain(predictor: Predictor) -> Predictor:
    """Put plain members into a predictor whose members adapted."""
    members = [member.plain() if isinstance(member, AdaptingMember) else member for member in predictor.members]
    predictor.members = nn.ModuleList(members)
    return predictor


class AdaptationLoss(Loss):
    """ℓ(labels) + λ · distance of the two domains, of a batch that begins with the labelled rows; ℓ alone of other batches.

    λ is the weight times `ramp`. With ``dann`` the second part is the cross-entropy of the domain classifier, unweighted: λ lies in
    the reversed gradient, so that the classifier learns at full rate while the features are turned against it.
    """

    def __init__(self, hard: Loss, adaptation: Adaptation, members: Sequence[AdaptingMember]) -> None:
        super().__init__(hard.task, hard.kind, hard.weights, hard.masked, hard.head)
        self.hard, self.adaptation = hard, adaptation
        doubt = members[0].doubt
        self.width = members[0].head.out_features + (0 if doubt is None else len(doubt))
        self.strength = torch.zeros(())
        for member in members:  # one number, which all of them see
            member.strength = self.strength

    def at(self, share: float) -> None:
        """Turn λ up."""
        self.strength.fill_(self.adaptation.weight * ramp(share))

    def total(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the sum of each member, (members,); see `Loss.total`."""
        if outputs.shape[1] == y.shape[1]:
            return self.hard.total(outputs, y, proper)
        own = outputs[:, : y.shape[1], : self.width]
        return self.hard.total(own, y, proper) + self._apart(outputs, y.shape[1]) * self.hard.weight(y)

    def weight(self, y: Tensor) -> Tensor | float:
        """Return the denominator of the labels."""
        return self.hard.weight(y)

    def mean(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the loss of each member, (members,)."""
        if outputs.shape[1] == y.shape[1]:
            return self.hard.mean(outputs, y, proper)
        own = outputs[:, : y.shape[1], : self.width]
        return self.hard.mean(own, y, proper) + self._apart(outputs, y.shape[1])

    def _apart(self, outputs: Tensor, labelled: int) -> Tensor:
        """Return what the domains add to the loss of each member, (members,)."""
        told = outputs[:, :, self.width :]
        source, target = told[:, :labelled], told[:, labelled:]
        if self.adaptation.method == "dann":
            right = functional.softplus(source).mean((1, 2)) + functional.softplus(-target).mean((1, 2))
            return right / 2
        return self.strength * DISTANCES[self.adaptation.method](source, target)
