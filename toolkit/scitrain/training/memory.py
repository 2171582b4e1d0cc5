"""What a training does when memory runs out: smaller batches first, then activations computed twice."""

import gc
from dataclasses import replace

import torch

from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.training.auto import Settings
from scitrain.training.learning import Learning
from scitrain.training.predictor import build_predictor

__all__ = ["ran_out", "relieved", "tidy"]

FEWEST = 8
"""Halving comes first, for it leaves the gradient of a step as it was and costs little; but batch-norm learns noise from fewer
rows than this, and the device idles: then a third more time for recomputed activations is the smaller price."""


def relieved(settings: Settings, error: BaseException, learning: Learning, run: Run) -> Settings:
    """Return settings that take less memory in each pass, such that each step stays what it was.

    Raises:
        ScitrainError: A batch of one row is too large already.
    """
    if not ran_out(error):
        raise error
    if settings.processes > 1:
        raise ScitrainError(_for_several(settings)) from error
    tidy()
    if settings.batch_size // 2 < FEWEST and _may_recompute(settings, learning):
        why = f"memory ran out at batches of {settings.batch_size}; smaller ones would cost more than computing activations twice"
        run.decide("gradient_checkpointing", True, why)
        return replace(settings, gradient_checkpointing=True)
    if settings.batch_size == 1:
        raise ScitrainError(_for_one_row(settings, learning, error)) from error
    return _halved(settings, run)


def ran_out(error: BaseException) -> bool:
    """Tell whether an error says that memory did not suffice."""
    text = str(error).lower()
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "out of memory" in text or "can't allocate" in text


def tidy() -> None:
    """Give back what an attempt left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _halved(settings: Settings, run: Run) -> Settings:
    batch = settings.batch_size // 2
    accumulate = settings.accumulate * -(-settings.batch_size // batch)
    why = f"memory ran out at {settings.batch_size}"
    run.decide("batch_size", batch, f"{why}; gradients of {accumulate} batches are added up")
    run.decide("accumulate", accumulate, f"{why}: each step stays what it was")
    return replace(settings, batch_size=batch, accumulate=accumulate)


def _may_recompute(settings: Settings, learning: Learning) -> bool:
    """Tell whether recomputing is left to choose and the network can do it; called when memory ran out, so seldom."""
    if settings.gradient_checkpointing or learning.options.gradient_checkpointing != "auto":
        return False
    one = build_predictor(learning.task, learning.model, learning.shape, learning.n_outputs, 1).members[0]
    return bool(one.encoder.recomputes)  # type: ignore[union-attr]


def _for_several(settings: Settings) -> str:
    batch = max(1, settings.batch_size // 2)
    return (
        f"memory ran out with batch_size={settings.batch_size} on {settings.processes} processes, which cannot change it "
        f"while they run; ask for batch_size={batch} and accumulate={settings.accumulate * 2}, or gradient_checkpointing=true"
    )


def _for_one_row(settings: Settings, learning: Learning, error: BaseException) -> str:
    refused = learning.options.gradient_checkpointing is False
    last = ", or gradient_checkpointing=true" if refused and not settings.gradient_checkpointing else ""
    return (
        f"memory of {settings.device} does not suffice for one row: {error}; take a smaller network or smaller rows "
        f"(images, sequences){last}"
    )
