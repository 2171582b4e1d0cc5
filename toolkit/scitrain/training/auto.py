"""Choices made for the user, each with its reason; the defaults of all families stand here and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scitrain.contracts.model import InputKind, InputShape, ModelSpec
from scitrain.data.augment import WAYS
from scitrain.data.options import Task
from scitrain.errors import ScitrainError, listed
from scitrain.models import FAMILIES
from scitrain.resources import choose_device
from scitrain.runs import Decision
from scitrain.training.compiling import plan_compiling
from scitrain.training.floors import SPIKE
from scitrain.training.options import TrainingOptions, head_kind
from scitrain.training.places import here
from scitrain.training.precision import Precision, choose_precision, describe

__all__ = ["Defaults", "Settings", "choose", "choose_loss", "choose_model"]


@dataclass(frozen=True)
class Defaults:
    """What a family starts from where the request says ``auto``."""

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float


TABLE = Defaults(epochs=50, patience=10, batch_size=64, learning_rate=1e-3, weight_decay=0.05)
"""Chosen, like `NORMALISED`, `PLAIN` and the options of `Mlp`, by validation rows of ten data sets (molecules, formulas, tables;
benchmarks/README.md): batches of 64 match those of 32 in half the time, and hardly a member is at its best after 50 epochs."""
NORMALISED = Defaults(epochs=24, patience=8, batch_size=128, learning_rate=3e-3, weight_decay=0.05)
"""Of a fully connected network with batch- or layer-norm, which bears larger batches and rates and gets as far in fewer epochs."""
DEFAULTS: dict[str, Defaults] = {
    "mlp": TABLE,
    "cnn": Defaults(epochs=40, patience=8, batch_size=64, learning_rate=2e-3, weight_decay=0.01),
    "resnet": Defaults(epochs=60, patience=10, batch_size=64, learning_rate=1e-3, weight_decay=0.05),
    "timm": Defaults(epochs=20, patience=5, batch_size=32, learning_rate=3e-4, weight_decay=0.05),
    "rnn": Defaults(epochs=60, patience=10, batch_size=64, learning_rate=1e-3, weight_decay=0.01),
    "cnn1d": Defaults(epochs=60, patience=12, batch_size=64, learning_rate=2e-3, weight_decay=0.01),
    "transformer": Defaults(epochs=40, patience=8, batch_size=64, learning_rate=5e-4, weight_decay=0.05),
    "pretrained": Defaults(epochs=10, patience=3, batch_size=16, learning_rate=1e-4, weight_decay=0.01),
    "matbert": Defaults(epochs=60, patience=15, batch_size=64, learning_rate=1e-3, weight_decay=0.05),
    "smiles_bert": Defaults(epochs=30, patience=6, batch_size=32, learning_rate=3e-4, weight_decay=0.01),
    "stack": Defaults(epochs=60, patience=10, batch_size=64, learning_rate=1e-3, weight_decay=0.01),
}
NARROW: dict[str, object] = {"widths": [128, 128]}
"""Molecules come in thousands of columns: 128 units learn them as well as 256, in half the time."""
CURVE = Defaults(epochs=300, patience=60, batch_size=32, learning_rate=3e-3, weight_decay=0.01)
"""Of any network on few curves: what they say of the target is exact, and learned slowly (by validation rows of tecator_nir)."""
FEW_CURVES = 2_000
PLAIN: dict[str, object] = {"norm": "none", "dropout": 0.2}
"""Fully connected networks on formulas and tables: their standardised columns need no batch-norm, whose noise costs them accuracy.
Molecules keep it (and the stronger dropout that is the family's default): their thousand sparse counts are learned better with it."""
COUNTED = frozenset({"smiles", "text"})
"""Modalities whose vector is mostly sparse counts."""
EXACT: dict[str, object] = {"norm": "none", "dropout": 0.0, "widths": [64, 64]}
"""Fully connected networks on curves: instruments repeat themselves to a thousandth, so that dropout hides more than it spares."""
CURVES = frozenset({"series"})
WHAT = {
    "tabular": "the columns",
    "series": "the values and their derivatives",
    "text": "weighted terms",
    "sequence": "letters or shares of words",
}
"""What the vector of a modality is, where not descriptors."""


class Enough(NamedTuple):
    """From how many rows on another family is taken, and what it does."""

    family: str
    rows: int
    why: str


MANY: dict[str, Enough] = {
    "series": Enough("cnn1d", 20_000, "finds the shapes in a series itself"),
    "text": Enough("transformer", 100_000, "reads the order of the words"),
    "sequence": Enough("transformer", 50_000, "reads the order of the letters"),
}
STEPS_AN_EPOCH = 400
"""A batch grows (by doublings) while an epoch has more steps than this …"""
LARGEST_BATCH = 1024
"""… but not beyond this."""
LEAST_STEPS = 40
"""Steps that early stopping waits at least. The statistics of a batch-norm trail by tens of steps, and until then the validation loss
stands still: a residual network on 50 images, one step an epoch, was ended after 12 of them at chance."""
ROWS_FOR_RESIDUAL_IMAGES = 5_000
USUAL: dict[str, tuple[str, ...]] = {"image": ("basic",), "series": ("noise", "shift", "scale")}
"""Ways taken where the request says true."""
AUGMENTED_PIXELS = 32
"""Images smaller than this lose what they show when they are cropped or turned."""


@dataclass(frozen=True)
class Settings:
    """Options of a training with nothing left open."""

    epochs: int
    patience: int
    batch_size: int
    accumulate: int
    learning_rate: float
    weight_decay: float
    members: int
    device: str
    processes: int
    precision: Precision
    augment: tuple[str, ...]
    """Ways in which training rows are varied."""
    parallel: str = "single"
    """How processes share the weights: ``single``, ``ddp`` or ``fsdp``; see `scitrain.training.sharing`."""
    gradient_checkpointing: bool = False
    compile: bool | None = False
    """None: whether it pays is to be measured on the first steps."""


def choose_model(modality: str, task: Task, rows: int, kinds: Sequence[InputKind]) -> tuple[ModelSpec, str]:
    """Pick a family for ``rows`` training rows of a modality that can be turned into ``kinds``, and say why.

    Raises:
        ScitrainError: No family reads any of the kinds.
    """
    if modality in MANY and rows >= MANY[modality].rows:
        family, least, why = MANY[modality]
        return FAMILIES[family](), f"{rows} rows (at least {least}) are enough for a network that {why}"
    if "vector" in kinds:
        what = WHAT.get(modality, "descriptors")
        why = f"{rows} rows of {modality} data ({task}) begin with an ensemble of small networks on {what}; simple models tell its worth"
        options = NARROW if modality in COUNTED else EXACT if modality in CURVES else PLAIN
        return FAMILIES["mlp"].model_validate(options), why
    if "image" in kinds:
        if rows >= ROWS_FOR_RESIDUAL_IMAGES:
            return FAMILIES["resnet"](), f"{rows} images are enough for a residual network from scratch"
        return FAMILIES[
            "cnn"
        ](), f"with {rows} images (fewer than {ROWS_FOR_RESIDUAL_IMAGES}) a small network overfits least"
    readers = {name: cls for name, cls in FAMILIES.items() if cls.fits(modality, kinds)}
    if not readers:
        raise ScitrainError(f"no model family reads {listed(kinds)}; families: {listed(FAMILIES)}")
    name = next(iter(readers))
    return readers[name](), f"family {name!r} reads {listed(kinds)}"


def choose(options: TrainingOptions, model: ModelSpec, shape: InputShape, rows: int) -> tuple[Settings, list[Decision]]:
    """Fill in whatever ``options`` leaves open for ``rows`` training rows, and return each choice with its reason.

    Raises:
        ScitrainError: The device asked for is not there, or precision and device do not go together.
    """
    family = str(getattr(model, "family", "mlp"))
    base = _defaults(model, family, shape, rows)
    notes: list[Decision] = []
    device, why = choose_device(options.device)
    notes.append(Decision(what="device", value=device, why=why))
    precision, why = choose_precision(describe(device), options.precision)
    notes.append(Decision(what="precision", value=precision, why=why))
    batch, why = _batch(options, base, rows)
    notes.append(Decision(what="batch_size", value=batch, why=why))
    base, reasons = _patient(base, rows, batch)
    processes, why = _processes(options, device)
    notes.append(Decision(what="processes", value=processes, why=why))
    compiled, why = plan_compiling(options.compile, device, processes)
    notes.append(Decision(what="compile", value="measured" if compiled is None else compiled, why=why))
    augment, why = _augment(options, shape)
    notes.append(Decision(what="augment", value=list(augment) or False, why=why))
    members = type(model).ensemble_default if options.ensemble == "auto" else options.ensemble
    for what in ("epochs", "patience", "learning_rate", "weight_decay", "ensemble"):
        value = members if what == "ensemble" else getattr(base, what)
        if getattr(options, what) == "auto":
            notes.append(Decision(what=what, value=value, why=reasons.get(what, f"default of family {family!r}")))
    settings = Settings(
        epochs=base.epochs if options.epochs == "auto" else options.epochs,
        patience=base.patience if options.patience == "auto" else options.patience,
        batch_size=batch,
        accumulate=1 if options.accumulate == "auto" else options.accumulate,
        learning_rate=base.learning_rate if options.learning_rate == "auto" else options.learning_rate,
        weight_decay=base.weight_decay if options.weight_decay == "auto" else options.weight_decay,
        members=members,
        device=device,
        processes=processes,
        precision=precision,
        augment=augment,
        gradient_checkpointing=options.gradient_checkpointing is True,
        compile=compiled,
    )
    return settings, notes


def _defaults(model: ModelSpec, family: str, shape: InputShape, rows: int) -> Defaults:
    if rows < FEW_CURVES and (shape.kind == "series" or "values" in shape.blocks):
        return CURVE
    if family == "mlp" and getattr(model, "norm", "none") != "none":
        return NORMALISED
    return DEFAULTS.get(family, TABLE)


def choose_loss(options: TrainingOptions, task: Task, y: np.ndarray) -> tuple[str, str] | None:
    """Choose the loss of numbers from their training labels ``y`` (n, T) and say why; None where there are none.

    Many rows with one and the same label (the band gap of every metal is 0) make a spike that a mean, which is what the
    squared error looks for, always misses; the median, which the absolute error looks for, meets it.

    Raises:
        ScitrainError: A head of numbers was asked for classes.
    """
    if task != "regression" and (task != "mixed" or head_kind(options.loss) != "point" or not y.shape[1]):
        if head_kind(options.loss) != "point":
            raise ScitrainError(
                f"loss={options.loss!r} learns how sure a number is, and this task is {task}: leave loss out; "
                "the members of an ensemble tell how sure numbers are, probabilities how sure classes are"
            )
        return None
    if options.loss != "auto":
        return options.loss, "asked for"
    share = max((_commonest(column[~np.isnan(column)]) for column in y.T), default=0.0)
    if share >= SPIKE:
        return "huber", f"{share:.0%} of the training labels are one value, which a squared error would miss"
    return "mse", "the labels form no spike at a single value"


def _commonest(labels: np.ndarray) -> float:
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels)) if len(labels) else 0.0


def _batch(options: TrainingOptions, base: Defaults, rows: int) -> tuple[int, str]:
    if options.batch_size != "auto":
        return options.batch_size, "asked for"
    batch = base.batch_size
    while rows > STEPS_AN_EPOCH * batch and batch < LARGEST_BATCH:
        batch *= 2
    if batch == base.batch_size:
        return (
            batch,
            f"small batches generalise best; {rows} training rows make no more than {STEPS_AN_EPOCH} steps an epoch",
        )
    return batch, f"{rows} training rows: doubled from {base.batch_size} towards {STEPS_AN_EPOCH} steps an epoch"


def _patient(base: Defaults, rows: int, batch: int) -> tuple[Defaults, dict[str, str]]:
    """Lengthen the patience where an epoch has few steps, and say why."""
    steps = max(1, -(-rows // batch))
    wait = -(-LEAST_STEPS // steps)
    if wait <= base.patience:
        return base, {}
    why = f"{rows} training rows make {steps} steps an epoch, and early stopping waits for {LEAST_STEPS} at least"
    return replace(base, patience=wait), {"patience": why}


def _processes(options: TrainingOptions, device: str) -> tuple[int, str]:
    place = here()
    if place is not None:
        if options.devices == 1 < place.world:
            return 1, f"asked for; the other {place.world - 1} processes have nothing to do"
        if options.devices not in ("auto", place.world):
            raise ScitrainError(
                f"devices={options.devices} was asked for, but {place.launcher} started {place.world} processes; leave devices out"
            )
        return place.world, f"started by {place.launcher}"
    if options.devices != "auto":
        return options.devices, "asked for"
    if device != "cuda":
        return 1, "one process uses all CPU cores by threads"
    import torch

    found = torch.cuda.device_count()
    return found, f"{found} GPU(s) found"


def _augment(options: TrainingOptions, shape: InputShape) -> tuple[tuple[str, ...], str]:
    ways = WAYS.get(shape.kind, ())
    if isinstance(options.augment, list):
        other = [name for name in options.augment if name not in ways]
        if other:
            fit = listed(ways) if ways else "none: only images and series are varied while training"
            raise ScitrainError(
                f"augment={listed(other)} does not vary rows of the kind {shape.kind}; those that do: {fit}"
            )
        return tuple(dict.fromkeys(options.augment)), "asked for"
    if not ways:
        return (), "only images and series are varied while training"
    if options.augment != "auto":
        return (USUAL[shape.kind] if options.augment else ()), "asked for"
    if shape.kind == "series":
        return (
            (),
            "a measured curve means what it is; ask for noise, shift or scale where these mean nothing in your data",
        )
    large = min(shape.shape[1:]) >= AUGMENTED_PIXELS
    return (USUAL["image"] if large else ()), f"images of {shape.shape[1]}×{shape.shape[2]} pixels" + (
        "" if large else " lose what they show when varied"
    )
