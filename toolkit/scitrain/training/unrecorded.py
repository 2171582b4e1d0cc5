"""A training that leaves nothing behind but its network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from scitrain.runs import Decision, Run

__all__ = ["Unrecorded"]


@dataclass
class Unrecorded(Run):
    """Stands for a run in a training that is told of elsewhere, such as one of the many of a search."""

    def decide_all(self, decisions: Sequence[Decision]) -> None:
        """Forget it."""

    def progress(self, stage: str, done: float = 0, total: float | None = None, message: str = "") -> None:
        """Forget it."""

    def event(self, event: str, **values: JsonValue) -> None:
        """Forget it."""

    def write_json(self, name: str, value: object) -> Path:
        """Forget it."""
        return self.path / name
