"""What a request says about training; shared by every operation that trains."""

from typing import Annotated, Literal

from pydantic import Field

from scitrain.spec import Spec
from scitrain.tunable import Tunable

__all__ = ["AdaptMethod", "Augmentation", "HeadKind", "Tracker", "TrainingOptions", "head_kind"]

Augmentation = Literal[
    "basic", "flip", "vflip", "rotate", "affine", "crop", "color", "blur", "erase", "mixup", "cutmix", "noise", "shift", "scale"
]  # fmt: skip
"""Ways to vary a row; see `scitrain.data.augment`."""
Tracker = Literal["tensorboard", "mlflow", "wandb"]
AdaptMethod = Literal["dann", "coral", "mmd"]
"""Ways to bring the features of two domains together; see `scitrain.training.adapting`."""
HeadKind = Literal["point", "gaussian", "quantile", "mixed"]
"""What a network says of a number; see `scitrain.training.heads`."""


def head_kind(loss: str) -> HeadKind:
    """Return the head that a loss teaches."""
    return loss if loss in ("gaussian", "quantile") else "point"  # type: ignore[return-value]  # one of its words


class TrainingOptions(Spec):
    """How a network is trained."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = "auto"
    """Most passes over the training rows; early stopping usually ends sooner."""
    batch_size: Annotated[
        Annotated[int, Field(ge=1, le=65_536)] | Literal["auto"], Tunable(choices=(32, 64, 128, 256))
    ] = "auto"
    """Rows of one pass through the network; halved, and accumulated, when memory runs out."""
    learning_rate: Annotated[Annotated[float, Field(gt=0, le=10)] | Literal["auto"], Tunable(1e-4, 1e-2, log=True)] = (
        "auto"
    )
    """Highest step size of AdamW; it rises over the warm-up, then falls along a cosine."""
    weight_decay: Annotated[Annotated[float, Field(ge=0, le=10)] | Literal["auto"], Tunable(1e-4, 0.5, log=True)] = (
        "auto"
    )
    """Decay of weight matrices (biases and norms are spared)."""
    patience: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Epochs without a better validation loss after which a member stops."""
    warmup: Annotated[float, Tunable(0.0, 0.3, usual=False)] = Field(0.05, ge=0, lt=1)
    """Share of all steps over which the learning rate rises from zero."""
    gradient_clip: Annotated[float, Tunable(0.1, 10.0, log=True, usual=False)] = Field(1.0, gt=0)
    """Largest norm of a member's gradient."""
    accumulate: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = "auto"
    """Batches whose gradients make one step; `auto`: 1, more where memory runs out."""
    loss: Annotated[
        Literal["auto", "mse", "huber", "gaussian", "quantile"], Tunable(choices=("mse", "huber"), usual=False)
    ] = "auto"
    """Of a regression: `auto` is `mse`, or `huber` where many labels are equal; `gaussian` learns mean and variance, `quantile` median
    and interval ends, for noise that differs from row to row."""
    task_weights: Literal["equal", "uncertainty"] | dict[str, Annotated[float, Field(gt=0)]] = "equal"
    """Of several targets: how much each counts, by name (others 1); `uncertainty` learns it (Kendall et al. 2018)."""
    class_weights: Literal["none", "balanced"] | list[float] = "none"
    """`balanced` weighs each class by its rarity; or one weight a class (multiclass) or a target's positives (binary, multilabel)."""
    ensemble: Annotated[int, Field(ge=1, le=20)] | Literal["auto"] = "auto"
    """Networks trained from different seeds, whose mean is the prediction and whose spread its uncertainty."""
    augment: bool | Literal["auto"] | list[Augmentation] = "auto"
    """Vary images, series or spellings of SMILES at random while training; or a list of how."""
    max_minutes: float | None = Field(None, gt=0)
    """Stop after this many minutes, keeping the best weights so far."""
    precision: Literal["auto", "32", "tf32", "bf16", "fp16"] = "auto"
    """Arithmetic of the forward pass; `auto`: what the device computes natively, 32 on a CPU."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    devices: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    """Processes (one a GPU, or several on the CPU) that share each batch."""
    parallel: Literal["auto", "ddp", "fsdp"] = "auto"
    """How processes share weights: copies (`ddp`), or parts where memory asks for it (`fsdp`)."""
    deterministic: bool = True
    """Take only algorithms that give the same numbers each time."""
    gradient_checkpointing: bool | Literal["auto"] = "auto"
    """Recompute activations when going back: less memory, a third more time; `auto`: where memory runs out."""
    compile: bool | Literal["auto"] = "auto"
    """`torch.compile` the network; `auto`: on a GPU, where measured steps repay it."""
    top_k: int = Field(3, ge=1, le=20)
    """Best epochs whose weights are kept as checkpoints."""
    checkpoint_seconds: float = Field(10.0, ge=0)
    """Shortest time between two writes of the last checkpoint."""
    loggers: list[Tracker] = []
    """Further places the curves are sent to; the run's own JSON log is always written."""
