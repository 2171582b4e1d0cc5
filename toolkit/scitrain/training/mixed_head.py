"""What the last layer says of several targets of different kinds: a number, one logit, or a logit a class, side by side."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from scitrain.data.options import Task
from scitrain.data.slots import Slot
from scitrain.training.heads import HUBER_DELTA, Head, standard_deviation
from scitrain.training.options import HeadKind

__all__ = ["MixedHead", "class_logits", "class_probabilities"]


def class_logits(task: Task | str, outputs: Tensor) -> Tensor:
    """Return the logits (n, …) of the mean probability of outputs (members, n, …).

    Logarithms all through, so that nothing saturates.
    """
    if task == "multiclass":
        return outputs.log_softmax(2).logsumexp(0).log_softmax(1)
    return functional.logsigmoid(outputs).logsumexp(0) - functional.logsigmoid(-outputs).logsumexp(0)


def class_probabilities(task: Task | str, outputs: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
    """Return probabilities and their spread over the members, both (n, …)."""
    logits, each = class_logits(task, outputs) / temperature, outputs / temperature
    if task == "multiclass":
        return logits.softmax(1), standard_deviation(each.softmax(2))
    return torch.sigmoid(logits), standard_deviation(torch.sigmoid(each))


@dataclass(frozen=True)
class MixedHead(Head):
    """One linear head a target on the shared features, each with the loss of its own kind.

    Squared (or Huber) error of numbers in deviations of the target, binary or categorical cross-entropy of classes: all are
    about one where nothing is known yet.
    """

    slots: tuple[Slot, ...]
    huber: bool = False
    """Numbers are learned by the Huber loss."""
    kind: ClassVar[HeadKind] = "mixed"

    def loss(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the loss of each label (members, n, targets), of labels that are finite; classes by their index."""
        return torch.stack([self._of(slot, outputs, y[..., i]) for i, slot in enumerate(self.slots)], dim=-1)

    def _of(self, slot: Slot, outputs: Tensor, y: Tensor) -> Tensor:
        own = outputs[..., slot.start : slot.end]
        if slot.task == "multiclass":
            each = functional.cross_entropy(own.flatten(0, 1), y.flatten().long(), reduction="none")
            return each.view(y.shape)
        if slot.task == "binary":
            return functional.binary_cross_entropy_with_logits(own[..., 0], y, reduction="none")
        if self.huber:
            return functional.huber_loss(own[..., 0], y, reduction="none", delta=HUBER_DELTA)
        return functional.mse_loss(own[..., 0], y, reduction="none")

    def class_of(self, y: Tensor) -> Tensor:
        """Return the class of each label (…, targets); 0 of numbers and missing labels."""
        classes = torch.tensor([int(slot.task != "regression") for slot in self.slots], device=y.device)
        return torch.nan_to_num(y).long() * classes

    def said(self, outputs: Tensor, scale: Tensor, shift: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
        """Return prediction and spread (n, outputs) of all members together: numbers in their unit, probabilities."""
        found = [
            class_probabilities(slot.task, own, temperature[at])
            if slot.task != "regression"
            else super(MixedHead, self).combine(own, scale[at], shift[at])
            for slot, own, at in self._parts(outputs)
        ]
        return torch.cat([one[0] for one in found], dim=1), torch.cat([one[1] for one in found], dim=1)

    def pooled(self, outputs: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Return (n, outputs): numbers in their unit, and the logits of classes before the temperature."""
        found = [
            class_logits(slot.task, own) if slot.task != "regression" else (own * scale[at] + shift[at]).mean(dim=0)
            for slot, own, at in self._parts(outputs)
        ]
        return torch.cat(found, dim=1)

    def accuracy(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the share of class labels (n, targets) that the ensemble of outputs (members, n, …) names rightly."""
        right, known = torch.zeros((), device=y.device), torch.zeros((), device=y.device)
        for (slot, own, _), label in zip(self._parts(outputs), y.unbind(-1), strict=True):
            if slot.task != "regression":
                logits = class_logits(slot.task, own)
                named = logits.argmax(1) if slot.task == "multiclass" else logits[:, 0] > 0
                right = right + (named.to(label.dtype) == label).sum()
                known = known + (~torch.isnan(label)).sum()
        return right / known.clamp(min=1)

    def _parts(self, outputs: Tensor) -> list[tuple[Slot, Tensor, slice]]:
        places = [slice(slot.start, slot.end) for slot in self.slots]
        return [(slot, outputs[..., at], at) for slot, at in zip(self.slots, places, strict=True)]
