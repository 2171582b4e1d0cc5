"""Training steps, timed by part, through the feeding and the module that train."""

from collections.abc import Iterator
from dataclasses import dataclass

from scitrain.profiling.stopwatch import Stopwatch
from scitrain.profiling.timing import Timing, repeated
from scitrain.resources import PeakMemory, give_back
from scitrain.training.feeding import Block
from scitrain.training.module import TrainingModule

__all__ = ["Trained", "measured_training", "watched"]

PARTS = {
    "data": (("feed", "rows"), ("feed", "labels")),
    "copy": (("feed", "place"),),
    "forward": (("team", "forward"), ("loss", "mean"), ("loss", "total"), ("loss", "weight")),
    "backward": (("team", "gather"),),
    "optimiser": (("team", "clip"), ("team", "prepare"), ("optimizer", "step"), ("scaler", "unscaled")),
}
"""Methods of the module's own parts, by the part of a step they are counted for."""
FEW = 2
"""Rows of a step whose work is nearly nothing: what remains is what each step costs whatever its size."""


@dataclass(frozen=True)
class Trained:
    """What steps of training took."""

    whole: Timing
    """Steps of the batch that trains."""
    few: Timing
    """Steps of two rows."""


def watched(module: TrainingModule, watch: Stopwatch) -> None:
    """Put the parts of this very module under a stopwatch."""
    for name, methods in PARTS.items():
        for owner, method in methods:
            of = getattr(module, owner)
            setattr(of, method, watch.wrap(name, getattr(of, method)))


def measured_training(module: TrainingModule, seconds: float) -> Trained:
    """Time steps of ``module``, which is of no use afterwards."""
    device = module.plan.device
    watch = Stopwatch(device)
    watched(module, watch)
    module.start_epoch()
    steps = _steps(module, watch)
    give_back()
    memory = PeakMemory(device)
    before, _ = memory.read()
    taken, parts = repeated(lambda _: module.training_step(next(steps)), watch, seconds)
    grown, gpu = memory.read()
    size = next(steps).steps[0].shape
    rows = int(size[1])
    whole = Timing.of(rows, taken, parts, (max(0, grown - before) / 1e6, None if gpu is None else gpu / 1e6))
    taken, parts = repeated(lambda _: module.training_step(_first_rows(next(steps))), watch, seconds / 2)
    return Trained(whole, Timing.of(FEW, taken, parts, (0.0, None)))


def _steps(module: TrainingModule, watch: Stopwatch) -> Iterator[Block]:
    """Yield the steps of epoch after epoch, one by one."""
    epoch = 0
    while True:
        module.feed.start_epoch(epoch)
        blocks = iter(module.feed)
        while True:
            with watch.part("data"):
                block = next(blocks, None)
            if block is None:
                break
            yield from _single(block)
        epoch += 1


def _single(block: Block) -> Iterator[Block]:
    start = 0
    for chosen in block.steps:
        rows = None if block.rows is None else block.rows[start : start + chosen.numel()]
        start += chosen.numel()
        yield Block([chosen], rows)


def _first_rows(block: Block) -> Block:
    """Return a step with the first two rows of each member."""
    chosen = block.steps[0]
    if block.rows is None:
        return Block([chosen[:, :FEW]], None)
    return Block([chosen[:, :FEW]], block.rows.view(*chosen.shape, *block.rows.shape[1:])[:, :FEW].flatten(0, 1))
