"""How several processes share a training: whole copies of the weights (ddp), or a part of them each (fsdp)."""

from dataclasses import replace

import torch

from scitrain.resources import available_memory
from scitrain.runs import Decision
from scitrain.training.auto import Settings
from scitrain.training.learning import Learning
from scitrain.training.places import here
from scitrain.training.predictor import build_predictor

__all__ = ["share_out"]

BYTES_A_PARAMETER = 16
"""Weight, gradient and AdamW's two moments, four bytes each."""
ROOM = 0.6
"""Part of the memory that these may fill; activations need the rest."""


def share_out(settings: Settings, learning: Learning) -> tuple[Settings, Decision]:
    """Choose the strategy, and say why."""
    strategy, why = _strategy(settings, learning)
    if strategy == "fsdp" and settings.compile is not False:
        settings, why = replace(settings, compile=False), f"{why}; weights in parts run without torch.compile"
    return replace(settings, parallel=strategy), Decision(what="parallel", value=strategy, why=why)


def _strategy(settings: Settings, learning: Learning) -> tuple[str, str]:
    asked = learning.options.parallel
    if settings.processes == 1:
        said = "" if asked == "auto" else f"; {asked} was asked for, which needs devices of 2 or more"
        return "single", f"one process{said}"
    if asked != "auto":
        return asked, "asked for"
    network = build_predictor(learning.task, learning.model, learning.shape, learning.n_outputs, 1)
    parameters = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    needed, there = BYTES_A_PARAMETER * parameters, memory(settings) * ROOM
    said = f"weights, gradients and optimiser state of {parameters:,} parameters take {needed / 1e9:.2g} GB"
    if needed > there:
        return (
            "fsdp",
            f"{said}, more than {ROOM:.0%} of what one process has ({there / ROOM / 1e9:.3g} GB): each holds a part",
        )
    return "ddp", f"{said}, which fit each of {settings.processes} processes: each holds all"


def memory(settings: Settings) -> float:
    """Return the bytes that one process may take on its device."""
    if settings.device == "cuda":
        return float(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)
    place = here()
    return available_memory() / (settings.processes if place is None else place.local_world)
