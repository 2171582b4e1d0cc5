"""Make a trained network smaller in one or several ways, and keep the smallest that is good enough."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from scitrain.compressing.loss import Loss, Yardstick
from scitrain.compressing.measure import Speed, deflated, speeds
from scitrain.compressing.methods import Method
from scitrain.compressing.variants import Material, Pruning, Variant, make
from scitrain.contracts.modality import Featuriser
from scitrain.data.prepared import Prepared
from scitrain.errors import ScitrainError
from scitrain.evaluation.problem import Problem
from scitrain.exporters._onnx import export
from scitrain.inference import TrainedConfig, load_predictor, read_config
from scitrain.inference.backends import onnx_compute
from scitrain.runs import Run
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.workflow.again import prepared_again
from scitrain.workflow.network import Network, natural_features, represented
from scitrain.workflow.retrain import further
from scitrain.workflow.stages import stage

__all__ = ["Compressed", "Request", "Source", "Tried", "compress", "source_of"]

CALIBRATION = 512
"""Training rows that the ranges of activations are taken from."""
SCRATCH = ".compress"
TIMED = 256
"""Validation rows that passes are timed on."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    methods: tuple[Method, ...]
    floor: float
    """Loss of quality that is allowed; see `Loss`."""
    pruning: Pruning
    epochs: int
    """Of training after each step of pruning."""


@dataclass(frozen=True)
class Source:
    """The trained model, with its data."""

    run: Run
    config: TrainedConfig
    prepared: Prepared
    network: Network
    predictor: Predictor

    def rows(self, split: str) -> np.ndarray:
        """Return the features (n, …) of a split."""
        return np.ascontiguousarray(self.network.x[self.prepared.split[split]])

    def yardstick(self, split: str) -> Yardstick:
        """Return what measures predictions of a split against the original's."""
        problem = Problem(self.config.task, self.config.targets, seed=self.config.seed)
        said = predict_array(self.predictor, self.rows(split)).prediction
        return Yardstick(problem, self.prepared.y[self.prepared.split[split]], said)


@dataclass
class Tried:
    """One way, and what came of it."""

    method: Method
    variant: Variant | None = None
    reason: str = ""
    """Why it is not kept, or cannot be made."""
    bytes: int = 0
    deflated: int = 0
    speed: Speed | None = None
    loss: Loss | None = None
    """On validation rows."""
    holds: bool = False
    kept: bool = False

    @property
    def parameters(self) -> int:
        """Number of parameters of all members."""
        return 0 if self.variant is None else sum(p.numel() for p in self.variant.predictor.members.parameters())


@dataclass
class Compressed:
    """Everything that was tried, beside the original."""

    bytes: int
    """Of the original's ONNX file."""
    deflated: int
    speed: Speed
    """Of the original."""
    parameters: int
    tried: list[Tried]
    yardstick: Yardstick
    """On validation rows."""
    calibration: int
    """Training rows that fixed ranges; 0 where none were needed."""
    facts: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def kept(self) -> Tried | None:
        """The way that won; None keeps the original."""
        return next((one for one in self.tried if one.kept), None)


def source_of(source: Run, run: Run) -> Source:
    """Load the model and its data.

    Raises:
        ScitrainError: There are no validation rows, by which a loss could be told.
    """
    config = read_config(source)
    prepared = prepared_again(source, run)
    if not len(prepared.split["val"]):
        raise ScitrainError("there are no validation rows to tell a loss of quality by; train with split.val above 0")
    featuriser: Featuriser = config.featuriser_object()
    x = represented(prepared, featuriser, run)
    network = Network(config.model_object(), featuriser, x, natural_features(prepared, featuriser, x, run))
    return Source(source, config, prepared, network, load_predictor(source))


@contextmanager
def compress(source: Source, asked: Request, run: Run) -> Iterator[Compressed]:
    """Try what is asked for on training and validation rows, and yield what was found; its files are gone afterwards.

    Raises:
        ScitrainError: The only method that was asked for cannot work on this network.
    """
    folder = run.path / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    folder.mkdir()
    try:
        yield _compared(source, asked, folder, run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compared(source: Source, asked: Request, folder: Path, run: Run) -> Compressed:
    before = folder / "original.onnx"
    export(
        source.predictor, source.rows("val")[:2] if len(source.rows("val")) > 1 else source.rows("train")[:2], before
    )
    yardstick = source.yardstick("val")
    given = _material(source, asked, folder, yardstick, run)
    tried = [_try(method, given, asked, run, at) for at, method in enumerate(asked.methods)]
    made = {one.method: one.variant for one in tried if one.variant is not None}
    with stage(run, "measure", "timing passes"):
        timed = _timed(before, made, source.rows("val")[:TIMED])
    size = before.stat().st_size
    for one in tried:
        _judge(one, yardstick, source, asked, size, timed)
    _choose(tried)
    static = "int8_static" in made
    parameters = sum(p.numel() for p in source.predictor.members.parameters())
    return Compressed(
        size, deflated(before), timed[""], parameters, tried, yardstick, len(given.calibration) if static else 0
    )


def _material(source: Source, asked: Request, folder: Path, yardstick: Yardstick, run: Run) -> Material:
    x = source.rows("val")

    def measure(predictor: Predictor) -> float | None:
        return yardstick.loss(predict_array(predictor, x).prediction).loss

    train = source.prepared.split["train"]
    rows = np.random.default_rng(source.config.seed).permutation(train)[:CALIBRATION]
    prunes = "prune" in asked.methods
    return Material(
        predictor=source.predictor,
        model=source.network.model,
        example=source.rows("train")[:2],
        calibration=np.ascontiguousarray(source.network.x[np.sort(rows)]),
        folder=folder,
        pruning=asked.pruning,
        train=further(source.run, source.prepared, source.network, asked.epochs, run) if prunes else _never,
        measure=measure,
        floor=asked.floor,
    )


def _never(*_: object) -> Predictor:
    raise AssertionError("only pruning trains")


def _try(method: Method, given: Material, asked: Request, run: Run, at: int) -> Tried:
    with stage(run, "compress", method):
        run.progress("compress", at, len(asked.methods), method)
        try:
            variant = make(method, given)
        except ScitrainError as error:
            if len(asked.methods) == 1:
                raise
            return Tried(method, reason=f"cannot be made: {error}")
    if variant.note:
        run.decide(method, True, variant.note)
    return Tried(method, variant)


def _timed(before: Path, made: Mapping[Method, Variant], rows: np.ndarray) -> dict[str, Speed]:
    """Return the speed of each variant through onnxruntime, and of the original under the empty name."""
    return speeds({"": onnx_compute(before)} | {name: onnx_compute(one.onnx) for name, one in made.items()}, rows)


def _judge(
    one: Tried, yardstick: Yardstick, source: Source, asked: Request, size: int, timed: Mapping[str, Speed]
) -> None:
    """Measure one variant, and say why it cannot be kept."""
    if one.variant is None:
        return
    one.bytes, one.deflated = one.variant.onnx.stat().st_size, deflated(one.variant.onnx)
    one.speed = timed[one.method]
    one.loss = yardstick.loss(predict_array(one.variant.predictor, source.rows("val")).prediction)
    one.holds = one.loss.holds(asked.floor)
    allowed = yardstick.words(asked.floor)
    if one.loss.loss is None:
        one.reason = f"its loss cannot be told: {one.loss.reason}"
    elif not one.holds:
        one.reason = f"loses {yardstick.words(one.loss.loss)} of {yardstick.metric.title} on validation rows, {allowed} are allowed"
    elif one.bytes >= size and one.method != "prune":
        one.reason = f"its file is no smaller ({one.bytes:,} bytes against {size:,}): the network is too small to gain"
        one.holds = False


def _choose(tried: Sequence[Tried]) -> None:
    """Keep the smallest of those that hold; say why the others are not."""
    holding = sorted((one for one in tried if one.holds), key=lambda one: one.bytes)
    for one in holding[:1]:
        one.kept = True
    for one in holding[1:]:
        one.reason = f"holds as well, and is larger than {holding[0].method}"
