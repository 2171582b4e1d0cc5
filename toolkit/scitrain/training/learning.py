"""What is learned from, and what comes out."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.data.options import Task
from scitrain.data.slots import Slot
from scitrain.training.adapting import Adaptation
from scitrain.training.floors import floors_of
from scitrain.training.heads import Head, make_head
from scitrain.training.mixed_head import MixedHead
from scitrain.training.options import TrainingOptions, head_kind
from scitrain.training.predictor import Predictor
from scitrain.training.soft import Soft
from scitrain.training.start import Start

__all__ = ["Fitted", "Learning"]


@dataclass(frozen=True)
class Learning:
    """Rows, labels, network and options of one training."""

    task: Task
    x: np.ndarray
    """(n, …) float32 or int64, raw rows; may be a memory map."""
    y: np.ndarray
    """(n, T) float32, NaN where a label is missing, classes by index; int64 (n,) class indices for multiclass."""
    train: np.ndarray
    """int64 row indices."""
    val: np.ndarray
    """int64 row indices; selection and early stopping look at these alone."""
    n_outputs: int
    model: ModelSpec
    shape: InputShape
    options: TrainingOptions = field(default_factory=TrainingOptions)
    seed: int = 42
    class_names: tuple[str, ...] | None = None
    coverage: float = 0.9
    """Share of labels between the ends that a quantile head learns."""
    start: Start = field(default_factory=Start)
    """What the members begin from, and what of them is trained how fast."""
    slots: tuple[Slot, ...] = ()
    """Where each target lies among the outputs; none where nobody asks for one by name."""
    keeps_last: bool = False
    """True trains all epochs and keeps the last weights, where validation rows are too few to choose an epoch by."""
    cooled: bool = False
    """True compares epochs of one target's classes by the loss that calibration will leave, where validation rows are enough to tell."""
    soft: Soft | None = None
    """What a teacher says of the rows; training rows may then lack a label (NaN, −1 for multiclass)."""

    adaptation: Adaptation | None = None
    """Rows of another domain, whose features are to look like those of the training rows."""

    @property
    def head(self) -> Head:
        """Return what the members say of a number, or of mixed targets."""
        if self.task == "mixed":
            return MixedHead(self.slots, self.options.loss == "huber")
        return make_head(head_kind(self.options.loss), self.coverage, self.floors)

    @property
    def floors(self) -> tuple[float, ...]:
        """Return below what no target of a regression is predicted; see `floors_of`."""
        return floors_of(self.y[self.train]) if self.task == "regression" else ()

    @property
    def labelled(self) -> np.ndarray:
        """Return the training rows, of several classes without those that only a teacher speaks of."""
        return self.train[self.y[self.train] >= 0] if self.task == "multiclass" else self.train

    @property
    def numbers(self) -> list[tuple[int, int]]:
        """Return the column of the labels and the output of each target that is a number."""
        if self.task == "regression":
            return [(i, i) for i in range(self.y.shape[1])]
        return [(i, slot.start) for i, slot in enumerate(self.slots) if slot.task == "regression"]

    def key(self) -> str:
        """Return a hash of all that the trained weights depend on, so that only its own checkpoint is taken up."""
        digest = hashlib.sha256()
        options = self.options.model_dump_json(exclude={"checkpoint_seconds", "loggers", "max_minutes", "top_k"})
        for text in (
            self.task,
            self.model.model_dump_json(),
            repr(self.shape),
            options,
            str(self.seed),
            str(self.coverage if self.head.names else None),
            repr(self.slots) if self.task == "mixed" or self.options.task_weights != "equal" else "",
            str(self.x.shape),
            self.start.key(),
            ("last" if self.keeps_last else "") + ("cooled" if self.cooled else ""),
        ):
            digest.update(text.encode() + b"\0")
        sample = np.linspace(0, max(len(self.x) - 1, 0), min(len(self.x), 64)).astype(np.int64)
        for array in (self.train, self.val, self.y, self.x[sample]):
            # with its shape: the same rows dealt otherwise to training and validation are another training
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.soft is not None:
            digest.update(self.soft.key())
        if self.adaptation is not None:
            digest.update(self.adaptation.key())
        return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Fitted:
    """A trained predictor and how it came about."""

    predictor: Predictor
    """In evaluation mode, on the CPU, with each member's best weights."""
    history: list[dict[str, float]]
    """One row an epoch; see `scitrain.training.journal`."""
    best_epoch: int
    """Epoch (from 1) of the lowest validation loss, of the median member."""
    best_epochs: list[int]
    """The same of each member."""
    stopped: str
    """Why training ended."""
    facts: dict[str, JsonValue]
    """What ``results/dl_training_log.json`` says besides the epochs."""
