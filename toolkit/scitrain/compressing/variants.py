"""Make one smaller variant of a trained network."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from scitrain.compressing.int8 import Quantised, ends, quantise
from scitrain.compressing.lean import lean
from scitrain.compressing.methods import Method
from scitrain.compressing.narrow import narrow
from scitrain.compressing.sparsity import prune, rounded, schedule, zeros
from scitrain.compressing.widened import store_int8
from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError
from scitrain.exporters._onnx import export
from scitrain.inference.backends import onnx_compute
from scitrain.training.frozen import Frozen
from scitrain.training.predictor import Predictor

__all__ = ["Material", "Pruning", "Variant", "make"]

Train = Callable[[Predictor, ModelSpec, bool], Predictor]
"""Trains a network of a family further; True keeps its zeros."""
Measure = Callable[[Predictor], float | None]
"""Loss of quality on the validation rows."""


@dataclass(frozen=True)
class Pruning:
    """How much is taken out, and how."""

    sparsity: float
    structured: bool
    steps: int


@dataclass(frozen=True)
class Material:
    """What a variant is made from."""

    predictor: Predictor
    """The trained network; never changed."""
    model: ModelSpec
    example: np.ndarray
    """(2, …) rows for the exporter."""
    calibration: np.ndarray
    """(n, …) training rows that fix ranges."""
    folder: Path
    """For files on the way."""
    pruning: Pruning
    train: Train
    measure: Measure
    floor: float
    """Loss of quality that is allowed."""


@dataclass
class Variant:
    """A smaller network."""

    method: Method
    predictor: Predictor
    model: ModelSpec
    onnx: Path
    facts: dict[str, JsonValue] = field(default_factory=dict)
    """What was done, for the record."""
    note: str = ""
    """The choice that was made on the way, with its reason."""


def make(method: Method, given: Material) -> Variant:
    """Make the variant.

    Raises:
        ScitrainError: The method cannot work on this network; says why and what can.
    """
    target = given.folder / f"{method}.onnx"
    if method in ("fp16", "bf16"):
        short = copy.deepcopy(given.predictor)
        rounded(short, method)
        return _written(method, short, given.model, target, given)
    if method == "prune":
        return _pruned(given, target)
    source, dead = _plain(given)
    if method == "int8_static":
        found, note = _static(source, target, given)
    elif method == "int8_weights":
        found, note = store_int8(source, target), "weights are widened when the file is opened: float32 computes"
    else:
        found, note = quantise(source, target, None), ""
    frozen = _frozen(given.predictor, target)
    said = f"{dead:,} weights that only meet padding were left out; " if dead else ""
    return Variant(method, frozen, given.model, target, asdict(found) | {"dead_weights": dead}, said + note)


def _written(method: Method, predictor: Predictor, model: ModelSpec, target: Path, given: Material) -> Variant:
    export(predictor, given.example, target)
    layers, whole = zeros(predictor)
    facts: dict[str, JsonValue] = {"layers": {**layers}, "zeros": whole}
    return Variant(method, predictor, model, target, facts)


def _plain(given: Material) -> tuple[Path, int]:
    """Return the file that is quantised, made once: the same function in fewer operations; and the weights it does without."""
    path = given.folder / "plain.onnx"
    short, dead = lean(given.predictor)
    if not path.is_file():
        export(short, given.example, path)
    return path, dead


def _frozen(predictor: Predictor, path: Path) -> Frozen:
    return Frozen.of(predictor, path, onnx_compute(path))


def _static(source: Path, target: Path, given: Material) -> tuple[Quantised, str]:
    """Quantise everything but small layers; where that loses too much, everything but the ends."""
    spared, outer = ends(source)
    found = quantise(source, target, given.calibration, spared)
    loss = given.measure(_frozen(given.predictor, target))
    if spared or (loss is not None and loss <= given.floor):
        kept = "the first, the last and the smallest layers" if spared else "no layers"
        return found, f"{kept} stay in float32: {found.share:.0%} of all numbers are int8"
    second = target.with_name(f"{target.stem}.ends.onnx")
    try:
        again = quantise(source, second, given.calibration, outer)
    except ScitrainError:
        return found, "all layers are int8: without its first and last layers nothing is left to quantise"
    better = given.measure(_frozen(given.predictor, second))
    if better is None or (loss is not None and better >= loss):
        second.unlink()
        return found, "all layers are int8: keeping the first and last ones in float32 does not help"
    second.replace(target)
    return (
        again,
        "the first and last layers stay in float32: rounding them too lost more on validation rows than is allowed",
    )


def _pruned(given: Material, target: Path) -> Variant:
    """Take out a little more in each step, and train between them."""
    how = given.pruning
    predictor, model = copy.deepcopy(given.predictor), given.model
    before = _alive(predictor)
    steps: list[JsonValue] = []
    for share in schedule(how.sparsity, how.steps):
        if how.structured:
            # what the rounding of widths took before is not asked for again
            predictor, model = narrow(predictor, model, min(1.0, (1 - share) * before / _alive(predictor)))
        else:
            prune(predictor, share)
        raw = given.measure(predictor)
        predictor = given.train(predictor, model, not how.structured)
        gone = 1 - _alive(predictor) / before
        steps.append({"asked": share, "removed": gone, "loss_before_tuning": raw, "loss": given.measure(predictor)})
    made = _written("prune", predictor, model, target, given)
    made.facts |= {"structured": how.structured, "asked": how.sparsity, "removed": 1 - _alive(predictor) / before}
    made.facts |= {"steps": steps}
    made.note = f"{how.steps} steps, each followed by training: " + (
        "the least important units of each layer" if how.structured else "the weights that matter least in their layer"
    )
    return made


def _alive(predictor: Predictor) -> int:
    """Count the parameters that are not zero, or no weights between units."""
    every = sum(parameter.numel() for parameter in predictor.members.parameters())
    return every - round(zeros(predictor)[1] * every)
