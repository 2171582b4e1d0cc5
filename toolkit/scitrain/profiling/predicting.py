"""Predictions from raw rows, timed by part: features, copy, network, judging."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from scitrain.contracts.modality import Columns
from scitrain.data.columns import take
from scitrain.inference.backends import Compute
from scitrain.inference.files import ONNX, load_predictor
from scitrain.inference.model import TrainedModel, load_model
from scitrain.profiling.stopwatch import Stopwatch
from scitrain.profiling.timing import Timing, repeated
from scitrain.resources import PeakMemory, give_back
from scitrain.runs import Run

__all__ = ["Contestant", "batches", "contestants", "measured"]

FACTOR = 4
"""Between one batch size and the next."""


class Contestant:
    """A model behind one backend, its parts under a stopwatch: `features`, `copy`, `network`, and `judging` (intervals, domain)."""

    def __init__(self, backend: str, model: TrainedModel, watch: Stopwatch, device: str) -> None:
        self.backend, self.model, self.watch, self.device = backend, model, watch, device

    def predict(self, columns: Columns) -> None:
        """Predict rows of raw columns."""
        with self.watch.part("features"):
            x, _ = self.model.featuriser.transform(columns)
        with self.watch.part("judging"):
            self.model.predict_features(x)


def contestants(source: Run, device: str) -> list[Contestant]:
    """Return torch, and onnxruntime where the run has its file."""
    watch = Stopwatch(device)
    plain = load_model(source, "torch")
    found = [Contestant("torch", replace(plain, compute=_torch(source, device, watch)), watch, device)]
    if (source.path / ONNX).is_file():
        model, own = load_model(source, "onnx"), Stopwatch()
        found.append(Contestant("onnx", replace(model, compute=own.wrap("network", model.compute)), own, "cpu"))
    return found


def _torch(source: Run, device: str, watch: Stopwatch) -> Compute:
    """Return `scitrain.inference.backends.torch_compute` with its copies apart."""
    network = load_predictor(source).to(device).eval()

    def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            with watch.part("copy"):
                rows = torch.from_numpy(x if x.flags.writeable else x.copy()).to(device)
            with watch.part("network"):
                outputs = network(rows)
            with watch.part("copy"):
                return tuple(output.float().cpu().numpy() for output in outputs)

    return compute


def batches(largest: int) -> list[int]:
    """Return 1, 4, 16, … and ``largest``."""
    sizes = []
    size = 1
    while size < largest:
        sizes.append(size)
        size *= FACTOR
    return [*sizes, largest]


def measured(one: Contestant, columns: Columns, rows: int, seconds: float) -> Timing:
    """Time predictions of ``rows`` rows at once, other ones in each pass as far as they go."""
    n = len(next(iter(columns.values())))

    def part(number: int) -> Columns:
        return take(columns, (np.arange(rows) + number * rows) % n)

    give_back()
    memory = PeakMemory(one.device)
    before, _ = memory.read()
    taken, parts = repeated(_step(one, [part(number) for number in range(4)]), one.watch, seconds)
    grown, gpu = memory.read()
    return Timing.of(rows, taken, parts, (max(0, grown - before) / 1e6, None if gpu is None else gpu / 1e6))


def _step(one: Contestant, parts: Sequence[Columns]) -> Callable[[int], None]:
    return lambda number: one.predict(parts[number % len(parts)])
