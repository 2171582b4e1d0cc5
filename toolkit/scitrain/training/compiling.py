"""Whether the network is compiled by `torch.compile`: planned by device, settled by measured steps."""

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import JsonValue

if TYPE_CHECKING:
    from scitrain.training.module import TrainingModule

__all__ = ["Compiling", "plan_compiling", "settle"]

WARM_UP, TIMED = 2, 5
WORTH_A_TRIAL_S = 120.0
"""Compiling takes from seconds to a minute or two, and at best halves what is to come: less than this is left as it is."""
GAIN = 0.95
"""A compiled step must take less than this part of the time: what is nearer is noise, and would choose differently each time."""


@dataclass(frozen=True)
class Compiling:
    """What was chosen, and the measured times."""

    used: bool
    why: str
    eager_ms: float | None = None
    """Median of a forward and backward pass as it stands."""
    compiled_ms: float | None = None
    compile_s: float | None = None
    """What compiling took."""

    def facts(self) -> dict[str, JsonValue]:
        """Return JSON, for checkpoint and log."""
        return asdict(self)


def plan_compiling(asked: bool | Literal["auto"], device: str, processes: int) -> tuple[bool | None, str]:
    """Return whether to compile on a device, None where that is to be measured, and why."""
    lacking = _lacking(device) if asked else ""
    if asked != "auto":
        why = f"asked for, but {lacking}; the network runs as it is" if lacking else "asked for"
        return asked and not lacking, why
    if device != "cuda":
        return False, (
            f"on {device} compiling is not tried unasked: the same request gives the same numbers each time, and it needs a compiler"
        )
    if lacking:
        return False, f"{lacking}; the network runs as it is"
    if processes > 1:
        return False, "not measured while several processes share each batch; compile=true compiles in each of them"
    return None, "the first steps are measured as they stand and compiled"


def _lacking(device: str) -> str:
    """Return what torch.compile needs on a device and does not find; empty where nothing."""
    if device == "cuda":
        return "" if find_spec("triton") else "torch.compile needs triton on a GPU, which is not installed"
    compilers = filter(None, [os.environ.get("CXX"), "g++", "clang++", "cl"])
    if any(shutil.which(name) for name in compilers):
        return ""
    return "torch.compile needs a C++ compiler on this device, and none is found (g++, clang++ or the variable CXX)"


def settle(module: "TrainingModule", compile_: bool | None) -> Compiling:
    """Measure forward and backward passes of the first step, eager and compiled; keep what pays; leave weights and statistics as they were.

    Args:
        module: About to be trained; its team is compiled afterwards, or not.
        compile_: True where it was asked for; None where the measured times decide.
    """
    before = module.team.snapshot()
    try:
        return _settled(module, compile_)
    finally:
        module.team.restore(before)


def _settled(module: "TrainingModule", compile_: bool | None) -> Compiling:
    block = next(iter(module.feed))
    module.start_epoch()
    module.team.train(True)
    first = block.steps[0]
    given = None if block.rows is None else block.rows[: first.numel()]

    def step() -> None:
        module.gather(first, given)

    eager = _median_s(step, module.plan.device)
    steps = (module.plan.epochs - module.epoch) * module.plan.steps
    left = min(steps * eager, max(module.deadline - time.monotonic(), 0.0))
    if compile_ is None and left < WORTH_A_TRIAL_S:
        return Compiling(
            False, f"the steps to come take {left:.0f} s at most, which compiling would not repay", _ms(eager)
        )
    module.team.compile(True)
    begin = time.perf_counter()
    try:
        step()
        for other in block.steps[-1:]:  # one row less, a program of its own
            rows = None if block.rows is None else block.rows[-other.numel() :]
            module.gather(other, rows)
        _wait(module.plan.device)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, OSError) as error:
        module.team.compile(False)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Compiling(False, f"torch.compile failed on this network: {reason}", _ms(eager))
    taken = time.perf_counter() - begin
    compiled = _median_s(step, module.plan.device)
    found = _judged(eager, compiled, taken, steps, asked=compile_ is True)
    module.team.compile(found.used)
    return found


def _judged(eager: float, compiled: float, taken: float, steps: int, asked: bool) -> Compiling:
    """Choose by the seconds of a step and those of compiling, which are spent already."""
    pays = compiled < GAIN * eager
    told = f"a pass takes {_ms(compiled):g} ms compiled, {_ms(eager):g} ms as it stands; compiling took {taken:.1f} s"
    if pays:
        repaid = math.ceil(taken / (eager - compiled))
        told += f", repaid after {repaid:,} of {steps:,} steps" if repaid <= steps else ", which the steps do not repay"
    why = f"asked for; {told}" if asked else told
    return Compiling(pays or asked, why, _ms(eager), _ms(compiled), round(taken, 2))


def _median_s(step: Callable[[], None], device: str) -> float:
    for _ in range(WARM_UP):
        step()
    taken = []
    for _ in range(TIMED):
        _wait(device)
        begin = time.perf_counter()
        step()
        _wait(device)
        taken.append(time.perf_counter() - begin)
    return median(taken)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
