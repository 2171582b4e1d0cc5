"""What a training came to."""

from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.training.auto import Settings
from scitrain.training.compiling import Compiling
from scitrain.training.journal import Journal, peaks
from scitrain.training.predictor import Predictor

__all__ = ["Outcome", "most_memory"]


@dataclass
class Outcome:
    """Trained members, and how each group of them ended."""

    predictor: Predictor
    best_epochs: list[int]
    stopped: str
    steps: int
    compiling: Compiling
    task_weights: dict[str, float]
    """By target, where they were learned."""

    def facts(self, settings: Settings, seconds: float) -> dict[str, JsonValue]:
        """Return what the log tells of it."""
        return {
            "stopped": self.stopped,
            "best_epoch": int(np.median(self.best_epochs)),
            "best_epochs": list(self.best_epochs),
            "steps": self.steps,
            "seconds": round(seconds, 3),
            "device": settings.device,
            "processes": settings.processes,
            "parallel": settings.parallel,
            "precision": settings.precision,
            "batch_size": settings.batch_size,
            "accumulate": settings.accumulate,
            "gradient_checkpointing": settings.gradient_checkpointing,
            "compile": self.compiling.facts(),
            "learning_rate": settings.learning_rate,
            "weight_decay": settings.weight_decay,
            "parameters": sum(p.numel() for p in self.predictor.parameters()),
            "members": settings.members,
            "augment": list(settings.augment),
            **({"task_weights": dict(self.task_weights)} if self.task_weights else {}),
        }


def most_memory(journal: Journal) -> dict[str, JsonValue]:
    """Return the most memory of all epochs."""
    return {f"peak_{name}": value for name, value in peaks([row for rows in journal.finished for row in rows]).items()}
