"""Learn from what a teacher says of each row, beside its label or instead of one (Hinton 2015, arXiv:1503.02531)."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scitrain.data.options import Task
from scitrain.training.heads import HUBER_DELTA
from scitrain.training.losses import Loss

__all__ = ["Soft", "SoftLoss"]


@dataclass(frozen=True)
class Soft:
    """What a teacher says of the rows of a `Learning`, and how much that counts."""

    said: np.ndarray
    """float32 (n, S) by row: logits, S = outputs; of a regression mean and variance of each target, S = 2 · targets."""
    temperature: float
    """T by which the logits of both are divided; a regression has none."""
    alpha: float
    """Share of the teacher in the loss, 0…1; the labels have the rest."""

    def key(self) -> bytes:
        """Return a hash of all of it."""
        digest = hashlib.sha256(f"{self.temperature} {self.alpha} {self.said.shape}".encode())
        digest.update(np.ascontiguousarray(self.said).tobytes())
        return digest.digest()

    def packed(self, task: Task, y: Tensor, rows: np.ndarray, shift: Tensor, scale: Tensor) -> Tensor:
        """Return labels (n, T) or (n,) and what the teacher says of ``rows`` side by side, (n, T + S) float32.

        A regression's means are brought to the scale of its labels, (μ − shift) / scale, and its variances become weights,
        their median over each: a row of which the teacher is unsure counts less, the usual row counts 1.
        """
        said = torch.from_numpy(np.asarray(self.said[rows], np.float32)).to(y.device)
        labels = y.float().reshape(len(y), -1)
        if task == "regression":
            mean, variance = said.chunk(2, dim=1)
            usual = variance.median(dim=0).values
            weight = torch.where(usual > 0, usual / variance.clamp(min=1e-12), torch.ones_like(variance))
            said = torch.cat([(mean - shift) / scale, weight], dim=1)
        return torch.cat([labels, said], dim=1)


class SoftLoss(Loss):
    """(1 − α) · hard + α · soft, of packed labels; the plain loss of plain ones, as validation rows have them.

    soft is T² · KL(teacher ‖ student) of probabilities softened by T, or w · ℓ(output, teacher's mean) of a regression. A row
    without a label has the soft part alone; the mean is over all rows.
    """

    def __init__(self, hard: Loss, soft: Soft) -> None:
        super().__init__(hard.task, hard.kind, hard.weights, hard.masked, hard.head)
        self.hard, self.soft = hard, soft

    def total(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the sum of each member, (members,); see `Loss.total`."""
        if not self._is_packed(outputs, y):
            return self.hard.total(outputs, y, proper)
        width = 1 if self.task == "multiclass" else outputs.shape[2]
        labels, said = y[..., :width], y[..., width:]
        taught = self._divergence(outputs, said).flatten(1).sum(1)
        return (1 - self.soft.alpha) * self._of_labels(outputs, labels) + self.soft.alpha * taught

    def weight(self, y: Tensor) -> Tensor | float:
        """Return the denominator: the number of rows (and targets), with or without a label."""
        if self.task == "multiclass":
            return float(y[0].shape[0]) if y.is_floating_point() else self.hard.weight(y)
        targets = self._targets
        return float(y[0].shape[0] * targets) if y.shape[-1] > targets else self.hard.weight(y)

    def mean(self, outputs: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        """Return the loss of each member, (members,)."""
        if not self._is_packed(outputs, y):
            return self.hard.mean(outputs, y, proper)
        return self.total(outputs, y) / self.weight(y)

    @property
    def _targets(self) -> int:
        """Targets of a task that is no ``multiclass``: the teacher says two numbers of each in a regression."""
        return int(self.soft.said.shape[1]) // (2 if self.task == "regression" else 1)

    def _is_packed(self, outputs: Tensor, y: Tensor) -> bool:
        return y.is_floating_point() if self.task == "multiclass" else y.shape[-1] > outputs.shape[-1]

    def _of_labels(self, outputs: Tensor, labels: Tensor) -> Tensor:
        if self.task != "multiclass":
            return self.hard.total(outputs, labels)
        known = labels[..., 0] >= 0
        classes = labels[..., 0].long().clamp(min=0)
        each = self.hard._each(outputs, classes, proper=False) * known
        return (each if self.weights is None else each * self.weights[classes]).flatten(1).sum(1)

    def _divergence(self, outputs: Tensor, said: Tensor) -> Tensor:
        """Return how far the student is from the teacher, (members, n[, targets])."""
        t = self.soft.temperature
        if self.task == "regression":
            mean, weight = said.chunk(2, dim=-1)
            if self.kind == "huber":
                return weight * functional.huber_loss(outputs, mean, reduction="none", delta=HUBER_DELTA)
            return weight * functional.mse_loss(outputs, mean, reduction="none")
        if self.task == "multiclass":
            teacher = (said / t).log_softmax(-1)
            return t * t * (teacher.exp() * (teacher - (outputs / t).log_softmax(-1))).sum(-1)
        yes, no = functional.logsigmoid(said / t), functional.logsigmoid(-said / t)
        own_yes, own_no = functional.logsigmoid(outputs / t), functional.logsigmoid(-outputs / t)
        return t * t * (yes.exp() * (yes - own_yes) + no.exp() * (no - own_no))
