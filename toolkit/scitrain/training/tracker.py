"""Which epoch was the best for each member, and when to stop."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from scitrain.training.team import Weights

__all__ = ["Kept", "Tracker"]


@dataclass
class Kept:
    """An epoch among the best."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean validation loss of the members."""
    weights: Weights


@dataclass
class Tracker:
    """Early stopping and best weights, for each member as if it were alone."""

    members: int
    patience: int
    top_k: int
    last: bool = False
    """True takes the last epoch for the best, and stops at none: of few validation rows the loss tells noise."""
    best_loss: list[float] = field(init=False)
    best_epoch: list[int] = field(init=False)
    stopped: list[bool] = field(init=False)
    best: Weights | None = None
    top: list[Kept] = field(default_factory=list)
    """Best first."""

    def __post_init__(self) -> None:
        self.best_loss = [math.inf] * self.members
        self.best_epoch = [0] * self.members
        self.stopped = [False] * self.members

    @property
    def done(self) -> bool:
        """True when no member hopes any more."""
        return all(self.stopped)

    def update(self, epoch: int, losses: Sequence[float], snapshot: Callable[[], Weights]) -> None:
        """Take in the validation losses (members) after ``epoch`` (from 1); ``snapshot`` is called where they are worth it."""
        better = [self.last or (not self.stopped[k] and losses[k] < self.best_loss[k]) for k in range(self.members)]
        mean = sum(losses) / self.members
        ranked = len(self.top) < self.top_k or mean < self.top[-1].loss
        now = snapshot() if ranked or any(better) else None
        for member, improved in enumerate(better):
            if improved and now is not None:
                self.best_loss[member], self.best_epoch[member] = losses[member], epoch
                if self.best is None:
                    self.best = Weights([array.clone() for array in now.arrays])
                self.best.take(member, now)
            elif epoch - self.best_epoch[member] >= self.patience:
                self.stopped[member] = True
        if ranked and now is not None:
            self.top = sorted([*self.top, Kept(epoch, mean, now)], key=lambda kept: kept.loss)[: self.top_k]

    def state(self) -> dict[str, object]:
        """Return tensors, numbers and lists from which `load` restores."""
        return {
            "best_loss": torch.tensor(self.best_loss, dtype=torch.float64),
            "best_epoch": list(self.best_epoch),
            "stopped": list(self.stopped),
            "best": None if self.best is None else self.best.arrays,
            "top": [(kept.epoch, kept.loss, kept.weights.arrays) for kept in self.top],
        }

    def load(self, state: dict[str, object]) -> None:
        """Go on from what `state` returned."""
        self.best_loss = state["best_loss"].tolist()  # type: ignore[attr-defined]
        self.best_epoch, self.stopped = list(state["best_epoch"]), list(state["stopped"])  # type: ignore[call-overload]
        self.best = None if state["best"] is None else Weights(state["best"])  # type: ignore[arg-type]
        self.top = [Kept(epoch, loss, Weights(arrays)) for epoch, loss, arrays in state["top"]]  # type: ignore[attr-defined]
