"""Checkpoints: the last state, to go on from, and the best epochs' weights."""

import io
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from scitrain.runs import atomic_write
from scitrain.training.tracker import Kept

__all__ = ["Checkpoints"]

LAST = "last.pt"
COST_SHARE = 30
"""Writing takes at most one part in so many of the time."""


@dataclass
class Checkpoints:
    """Files below ``checkpoints/`` of a run.

    An epoch of a small network takes milliseconds and a write to disk as long, so the last state is written only so
    often; because an epoch's randomness depends on its number alone, nothing but time is lost between two writes.
    """

    folder: Path
    key: str
    """What the training depends on; a checkpoint of another training is not taken up."""
    seconds: float
    """Shortest time between two writes, in seconds; infinite writes nothing and reads nothing."""
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        # At the beginning there is nothing yet that would be worth a write.
        self._next = time.monotonic() + self.seconds

    @property
    def off(self) -> bool:
        """True where nothing is kept, as of the many short trainings of a search."""
        return math.isinf(self.seconds)

    def due(self) -> bool:
        """Tell whether enough time has gone since the last write."""
        return not self.off and time.monotonic() >= self._next

    def save(self, state: dict[str, object]) -> None:
        """Write the last state, atomically."""
        if self.off:
            return
        begin = time.monotonic()
        buffer = io.BytesIO()
        torch.save(state | {"key": self.key}, buffer)
        atomic_write(self.folder / LAST, buffer.getvalue())
        end = time.monotonic()
        self._next = end + max(self.seconds, COST_SHARE * (end - begin))

    def load(self, device: str) -> dict[str, Any] | None:
        """Return the last state onto ``device``, or None where there is none of this very training."""
        path = self.folder / LAST
        if self.off or not path.is_file():
            return None
        # Mapped: of processes that share the weights, all but the first touch nearly none of it.
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True, mmap=device == "cpu")
        return state if state.get("key") == self.key else None

    def keep(self, group: int, top: list[Kept]) -> None:
        """Make the files of one group of members those of its best epochs: new ones written, surpassed ones removed."""
        if self.off:
            return
        names = {f"group={group:02d}-epoch={kept.epoch:05d}-loss={kept.loss:.5g}.pt": kept for kept in top}
        for name, kept in names.items():
            if not (self.folder / name).is_file():
                buffer = io.BytesIO()
                torch.save({"epoch": kept.epoch, "loss": kept.loss, "arrays": kept.weights.arrays}, buffer)
                atomic_write(self.folder / name, buffer.getvalue())
        for path in self.folder.glob(f"group={group:02d}-epoch=*.pt"):
            if path.name not in names:
                path.unlink()
