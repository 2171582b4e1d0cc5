"""The arithmetic of the forward pass: what a device computes fast, why it is taken, and how small gradients survive it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from scitrain.errors import ScitrainError

__all__ = [
    "Hardware",
    "Precision",
    "Scaler",
    "arithmetic",
    "autocast",
    "choose_averaged",
    "choose_precision",
    "describe",
]

Precision = Literal["32", "tf32", "bf16", "fp16"]

AMPERE, VOLTA = (8, 0), (7, 0)
"""Compute capabilities from which NVIDIA's tensor cores multiply bfloat16 and TF32, and float16."""
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Hardware:
    """What is known of the device that trains."""

    kind: str
    """``cpu``, ``cuda`` or ``mps``."""
    name: str = ""
    capability: tuple[int, int] | None = None
    """Compute capability of an NVIDIA GPU; None of any other device."""
    bf16: bool = False
    """True where a GPU without a compute capability (AMD) multiplies bfloat16 itself."""

    @property
    def words(self) -> str:
        """What a person calls it."""
        if self.capability is None:
            return self.name or self.kind
        return f"{self.name or 'the GPU'} (compute capability {self.capability[0]}.{self.capability[1]})"


def describe(device: str) -> Hardware:
    """Look at a device of this machine."""
    if device != "cuda":
        return Hardware(device, {"cpu": "the CPU", "mps": "the Apple GPU"}.get(device, device))
    name = torch.cuda.get_device_name(0)
    if torch.version.hip is not None:
        return Hardware(device, name, None, torch.cuda.is_bf16_supported(including_emulation=False))
    return Hardware(device, name, torch.cuda.get_device_capability(0))


def choose_precision(hardware: Hardware, requested: str = "auto") -> tuple[Precision, str]:
    """Return the arithmetic of the forward pass on a device, and why; weights and optimiser stay in float32.

    Raises:
        ScitrainError: The device has no use for what is asked.
    """
    best, why = _best(hardware)
    if requested == "auto":
        return best, why
    problem = _problem(hardware, requested)
    if problem:
        raise ScitrainError(f"precision={requested!r} was asked for, but {problem}; take precision={best!r}, or 'auto'")
    slow = requested == "bf16" and best == "fp16"
    return requested, "asked for" + (f"; {hardware.words} only imitates bfloat16: fp16 is faster" if slow else "")  # type: ignore[return-value]


def choose_averaged(device: str, requested: str = "auto") -> tuple[Precision, str]:
    """Return the arithmetic, and why, of a training that averages its loss over many tokens: it bears bfloat16 on CPUs too.

    Raises:
        ScitrainError: The device has no use for what is asked.
    """
    precision, why = choose_precision(describe(device), requested)
    if requested == "auto" and device == "cpu" and _tiles():
        why = "this CPU multiplies bfloat16 in tiles (AMX), several times faster; losses and weights stay float32"
        return "bf16", why
    return precision, why


def _tiles() -> bool:
    asked = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(asked is not None and asked())


def _best(hardware: Hardware) -> tuple[Precision, str]:
    if hardware.kind != "cuda":
        return "32", f"on {hardware.words} fewer digits gain little and cost accuracy"
    capability = hardware.capability
    if hardware.bf16 or (capability is not None and capability >= AMPERE):
        rest = "" if capability is None else "; what stays in float32 is multiplied in TF32"
        return (
            "bf16",
            f"{hardware.words} multiplies bfloat16 natively, whose range is float32's: nothing needs scaling{rest}",
        )
    if capability is not None and capability >= VOLTA:
        return "fp16", f"{hardware.words} multiplies float16 natively and bfloat16 not; the loss is scaled"
    return "32", f"{hardware.words} has no tensor cores: half precision gains little"


def _problem(hardware: Hardware, requested: str) -> str:
    if requested == "tf32" and (hardware.capability is None or hardware.capability < AMPERE):
        return f"TF32 is arithmetic of NVIDIA GPUs from compute capability 8.0 on, and this is {hardware.words}"
    if requested == "fp16" and hardware.kind == "cpu":
        return "CPUs compute float16 slower than float32, and gradients below 6e-8 vanish in it: it is for GPUs"
    return ""


@contextmanager
def arithmetic(precision: str, device: str) -> Iterator[None]:
    """Let an NVIDIA GPU multiply float32 in TF32 (``tf32``, and the rest of ``bf16``) or in full, and put that back."""
    if device != "cuda" or torch.version.hip is not None:
        yield
        return
    # Any: the stubs lack these attributes.
    places: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn]  # type: ignore[attr-defined]
    before = [place.fp32_precision for place in places]
    wanted = "tf32" if precision in {"tf32", "bf16"} else "ieee"
    try:
        for place in places:
            place.fp32_precision = wanted
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.fp32_precision = was


def autocast(precision: str, device: str) -> AbstractContextManager[object]:
    """Return the context of one forward pass; a new one each time, for within one torch keeps the first casted weights."""
    half = HALVES.get(precision)
    return nullcontext() if half is None else torch.autocast(device, half)


class Scaler:
    """Scaling of the loss (Micikevicius et al. 2018, arXiv:1710.03740).

    float16 has no numbers below 6e-8, where many gradients lie: the gradient of S · L is computed, and divided by S in
    float32. Where it overflows the step is left out and S is halved; after many good steps S is doubled.
    """

    FIRST = 2.0**16
    GOOD_STEPS = 2000

    def __init__(self, precision: str) -> None:
        self.on = precision == "fp16"
        self.scale = self.FIRST if self.on else 1.0
        self.good = 0
        self.left_out = 0
        """Steps without an update."""

    def scaled(self, loss: Tensor) -> Tensor:
        """Return S · loss."""
        return loss * self.scale if self.on else loss

    def unscaled(self, unscale: Callable[[float], bool]) -> bool:
        """Divide the gradient by S, and tell whether it may be used.

        Args:
            unscale: Multiplies it in place, and says whether all of it is finite.
        """
        if not self.on:
            return True
        if unscale(1 / self.scale):
            self.good += 1
            if self.good == self.GOOD_STEPS:
                self.scale, self.good = 2 * self.scale, 0
            return True
        self.scale, self.good, self.left_out = self.scale / 2, 0, self.left_out + 1
        return False

    def state(self) -> dict[str, float]:
        """Return what `load` restores."""
        return {"scale": self.scale, "good": self.good, "left_out": self.left_out}

    def load(self, state: dict[str, float]) -> None:
        """Go on from what `state` returned."""
        self.scale, self.good, self.left_out = state["scale"], int(state["good"]), int(state["left_out"])
