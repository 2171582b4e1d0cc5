"""Strategies that a comparison has trained already, kept so that one that was interrupted goes on with the next."""

import hashlib
import io
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.models import AnyModelSpec
from scitrain.runs import Decision, Run, atomic_write
from scitrain.training.learning import Fitted
from scitrain.training.predictor import build_predictor
from scitrain.transfer.arms import Study, Trained
from scitrain.transfer.options import Arm

__all__ = ["Finished", "FinishedArms", "forget_arms"]

FOLDER = "checkpoints/arms"


def forget_arms(run: Run) -> None:
    """Remove what was kept of the strategies: the run has its model."""
    shutil.rmtree(run.path / FOLDER, ignore_errors=True)


@dataclass(frozen=True)
class Finished:
    """A strategy that needs no more training."""

    validation: float | None
    trained: Trained | None
    """None of a share of the labels, of which the metric alone is wanted."""


@dataclass(frozen=True)
class FinishedArms:
    """Files of tensors, numbers and text below ``checkpoints/arms`` of a run, one a strategy and share of the labels."""

    study: Study
    folder: Path

    @classmethod
    def of(cls, study: Study, run: Run) -> "FinishedArms":
        """Look below a run."""
        return cls(study, run.path / FOLDER)

    def load(self, arm: Arm, rows: np.ndarray | None) -> Finished | None:
        """Return one that was kept, or None; ``rows`` None is all labels."""
        path = self._path(arm, rows)
        if not path.is_file():
            return None
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return Finished(saved["validation"], self._rebuilt(arm, saved["trained"]) if rows is None else None)

    def save(self, found: Trained, rows: np.ndarray | None, validation: float | None) -> Finished:
        """Keep one that is done, and return it."""
        content = io.BytesIO()
        torch.save({"validation": validation, "trained": _plain(found) if rows is None else None}, content)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path(found.arm, rows), content.getvalue())
        return Finished(validation, found if rows is None else None)

    def _path(self, arm: Arm, rows: np.ndarray | None) -> Path:
        """Return a file named by all that the weights depend on: one of another request, or of other rows, is never taken."""
        study = self.study
        said = (study.learning.key(), study.asked.model_dump_json(), repr(study.given), arm)
        digest = hashlib.sha256("\0".join(said).encode())
        digest.update(b"all" if rows is None else np.ascontiguousarray(rows).tobytes())
        return self.folder / f"{arm}-{digest.hexdigest()[:16]}.pt"

    def _rebuilt(self, arm: Arm, saved: dict[str, Any]) -> Trained:
        learning = self.study.learning
        model: ModelSpec = TypeAdapter(AnyModelSpec).validate_python(saved["model"])
        inner = InputShape(**saved["inner"])
        predictor = build_predictor(learning.task, model, inner, learning.n_outputs, saved["members"], learning.head)
        predictor.load_state_dict(saved["state"])
        fitted = Fitted(predictor=predictor.eval(), **saved["fitted"])
        decisions = [Decision.model_validate(one) for one in saved["decisions"]]
        return Trained(arm, model, fitted, saved["trainable"], saved["total"], decisions)


def _plain(found: Trained) -> dict[str, object]:
    """Return a strategy as tensors, numbers and lists."""
    fitted = found.fitted
    facts = {name: getattr(fitted, name) for name in ("history", "best_epoch", "best_epochs", "stopped", "facts")}
    return {
        "model": found.model.model_dump(mode="json"),
        "inner": asdict(fitted.predictor.inner),
        "members": len(fitted.predictor.members),
        "state": fitted.predictor.state_dict(),
        "fitted": facts,
        "trainable": found.trainable,
        "total": found.total,
        "decisions": [one.model_dump(mode="json") for one in found.decisions],
    }
