"""Losses: a missing label (NaN) takes no part, and each member of an ensemble has its own."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scitrain.data.options import Task
from scitrain.data.slots import Slot
from scitrain.errors import ScitrainError
from scitrain.training.heads import HUBER_DELTA, POINT, Head
from scitrain.training.mixed_head import MixedHead
from scitrain.training.options import TrainingOptions

__all__ = ["Loss", "class_weights", "make_loss", "mixed_class_weights"]


class Loss:
    """Σ w · ℓ(output, label) / Σ w over labels that are there; w is a label's class weight times its target's.

    Where the targets' weights are learned (Kendall, Gal & Cipolla 2018, doi:10.1109/CVPR.2018.00781), each network says a log
    variance s a target behind its outputs, and a label costs ½ (exp(−s) ℓ + s) where ℓ is a squared error, exp(−s) ℓ + ½ s where it is
    another; epochs are compared without, for these weights move.

    Sum and weight are apart, because parts of a batch (accumulated, or of several processes) share one denominator.
    """

    def __init__(self, task: Task, kind: str, weights: Tensor | None, masked: bool, head: Head = POINT) -> None:
        self.task = task
        self.head = head
        self.kind = kind
        self.weights = weights
        self.masked = masked
        """False where every label is there and weighs the same: then the denominator is a plain number."""
        self.shares: Tensor | None = None
        """(targets,) how much each counts; None where all count alike."""
        self.halves: Tensor | None = None
        """(targets,) ½ where ℓ is a squared error, else 1, where the targets' weights are learned."""

    @property
    def squares(self) -> bool:
        """Tell whether the loss of a number is its squared error."""
        return self.kind == "mse" or (isinstance(self.head, MixedHead) and not self.head.huber)

    def said(self, outputs: Tensor) -> Tensor:
        """Return the outputs without the log variances behind them."""
        return outputs if self.halves is None else outputs[..., : -len(self.halves)]

    def at(self, share: float) -> None:
        """Hear which share of the training is done, 0…1, before each step; losses that change with it are told so."""

    def total(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the sum of each member, (members,), from outputs (members, n, outputs) and labels (members, n[, T])."""
        known = torch.nan_to_num(y) if self.masked and self.task != "multiclass" else y
        each = self._each(self.said(outputs), known, proper)
        if self.halves is not None and not proper:
            doubt = outputs[..., -len(self.halves) :]
            each = self.halves * each * torch.exp(-doubt) + doubt / 2
        if self.masked:
            each = each * self._label_weights(y)
        return each.flatten(1).sum(1)

    def weight(self, y: Tensor) -> Tensor | float:
        """Return the denominator that belongs to labels (members, n[, T]): (members,), or one number for all."""
        if not self.masked:
            return float(y[0].numel())
        return self._label_weights(y).flatten(1).sum(1).clamp(min=1e-12)

    def mean(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the loss of each member, (members,); ``proper`` for comparing epochs, see `Head.loss`."""
        if not self.masked and outputs.shape[0] == 1 and self.kind == "mse":
            return functional.mse_loss(outputs, y)[None]
        return self.total(outputs, y, proper) / self.weight(y)

    def _each(self, outputs: Tensor, y: Tensor, proper: bool) -> Tensor:
        if self.task in ("regression", "mixed"):
            if self.kind == "huber":
                return functional.huber_loss(outputs, y, reduction="none", delta=HUBER_DELTA)
            return self.head.loss(outputs, y, proper)
        if self.task == "multiclass":
            return functional.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none").view(y.shape)
        return functional.binary_cross_entropy_with_logits(outputs, y, reduction="none")

    def _label_weights(self, y: Tensor) -> Tensor:
        if self.task == "multiclass":
            return torch.ones_like(y, dtype=torch.float32) if self.weights is None else self.weights[y]
        present = (~torch.isnan(y)).float()
        if self.shares is not None:
            present = present * self.shares
        if self.weights is None:
            return present
        if isinstance(self.head, MixedHead):
            return present * self.weights[torch.arange(y.shape[-1], device=y.device), self.head.class_of(y)]
        return present * torch.where(torch.nan_to_num(y) > 0.5, self.weights, torch.ones_like(self.weights))


def make_loss(
    task: Task, options: TrainingOptions, y: np.ndarray, n_outputs: int, device: str, head: Head = POINT
) -> Loss:
    """Return the loss for training labels ``y``, (n, T) or (n,) for multiclass.

    Raises:
        ScitrainError: The number of class weights is not that of the outputs, or a weight is not positive.
    """
    if isinstance(head, MixedHead):
        given: list[list[float]] | list[float] | None = mixed_class_weights(head, options.class_weights, y)
    else:
        given = class_weights(task, options.class_weights, y, n_outputs)
    weights = None if given is None else torch.tensor(given, dtype=torch.float32, device=device)
    kind = {"regression": "mse" if options.loss == "auto" else options.loss, "mixed": "mixed"}.get(
        task, "cross-entropy"
    )
    masked = weights is not None or (task != "multiclass" and bool(np.isnan(y).any()))
    return Loss(task, kind, weights, masked, head)


def class_weights(task: Task, asked: str | Sequence[float], y: np.ndarray, n_outputs: int) -> list[float] | None:
    """Return one weight a class (multiclass) or a target's positives (binary, multilabel), or None.

    ``balanced`` gives class c the weight n / (C · n_c), and positives the ratio of negatives to positives.

    Raises:
        ScitrainError: The number of weights is not that of the outputs, or a weight is not positive.
    """
    if asked == "none" or task == "regression":
        return None
    if not isinstance(asked, str):
        if len(asked) != n_outputs or min(asked) <= 0:
            raise ScitrainError(
                f"class_weights={list(asked)} must be {n_outputs} positive numbers for this task ({task})"
            )
        return [float(weight) for weight in asked]
    if task == "multiclass":
        y = y[y >= 0]  # rows that only a teacher speaks of
        counts = np.maximum(np.bincount(y, minlength=n_outputs), 1)
        return [float(weight) for weight in len(y) / (n_outputs * counts)]
    positive, negative = (y == 1).sum(0), (y == 0).sum(0)
    return [float(weight) for weight in np.where(positive > 0, negative / np.maximum(positive, 1), 1.0)]


def mixed_class_weights(head: MixedHead, asked: str | Sequence[float], y: np.ndarray) -> list[list[float]] | None:
    """Return the weights of the classes of each target (targets, most classes), 1 for numbers; None where all are 1.

    Raises:
        ScitrainError: A list was given, of which nobody knows which target it is of.
    """
    if asked == "none":
        return None
    if not isinstance(asked, str):
        raise ScitrainError(
            f"class_weights={list(asked)} is a list for one target, and here numbers and classes are learned together; say "
            "class_weights='balanced', which weighs the classes of each, and task_weights for whole targets"
        )
    most = max((slot.end - slot.start for slot in head.slots), default=1) + 1
    return [_balanced(slot, column, most) for slot, column in zip(head.slots, y.T, strict=True)]


def _balanced(slot: Slot, column: np.ndarray, most: int) -> list[float]:
    if slot.task == "regression":
        return [1.0] * most
    classes = slot.end - slot.start if slot.task == "multiclass" else 2
    counts = np.bincount(column[column >= 0].astype(np.int64), minlength=classes)
    found = [float(counts.sum() / (classes * max(int(count), 1))) for count in counts]
    return found + [1.0] * (most - len(found))
