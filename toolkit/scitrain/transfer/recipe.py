"""Choices of a fine-tuning, each with its reason."""

from dataclasses import dataclass

from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError, listed
from scitrain.models import FAMILIES
from scitrain.runs import Decision
from scitrain.training.auto import DEFAULTS, TABLE
from scitrain.training.options import TrainingOptions
from scitrain.transfer.options import FIXED, Arm, FinetuneOptions, Strategy

__all__ = ["HUBS", "Given", "choose_strategy", "keeps_last", "network_for", "options_for", "why_not"]

FEW = 30
"""Labels a class (or a target) below which nothing but the head is trained. Of MiniLM on scicite, by validation rows: with 67 a class
macro-F1 is .73 trained as a whole and .69 by its head alone; with 20 the head alone has .58."""
FEW_TO_CHOOSE = 100
"""Validation rows below which their loss tells noise: the last epoch is kept, at whose end the rate has fallen to zero."""
LARGE = 50_000_000
"""Parameters from which a network has more to lose by a large step."""
FAR = 0.9
"""AUC of the domain classifier from which the source's rows look different."""
STEPS = 150
"""Steps that a fine-tuning is given at least, where early stopping lets it; twice as many gained nothing on 200 labels of scicite."""
MOST_EPOCHS, FEWEST_EPOCHS = 30, 4
HUBS = ("pretrained", "timm", "torchvision")
"""Families whose weights were learned from far more rows than anybody has here."""
UNITS = {"adapter": 64, "prompt": 20, "prefix": 20}


@dataclass(frozen=True)
class Given:
    """What the choices depend on."""

    rows: int
    """Training rows."""
    classes: int
    """1 for a regression."""
    family: str
    parameters: int
    """Of the encoder."""
    blocks: int
    """Of the encoder."""
    auc: float | None
    """Of the domain classifier; None where the source's rows are not at hand."""


def choose_strategy(asked: FinetuneOptions, given: Given) -> tuple[Strategy, str]:
    """Choose what is trained, from the number of labels and from how far the source's domain is."""
    if asked.strategy != "auto":
        return asked.strategy, "asked for"
    each = given.rows // max(1, given.classes)
    told = f"{given.rows:,} labels" + (f", {each:,} a class" if given.classes > 1 else "")
    far = given.auc is not None and given.auc > FAR
    if far:
        told += (
            f"; a classifier tells source and target rows apart (AUC {given.auc:.2f}), so that features need to move"
        )
    if each < FEW and not far:
        return "feature", f"{told}: too few to move {given.parameters:,} weights without forgetting; compare tells"
    if far:
        return "gradual", f"{told}: from the head down, an epoch a block, so that early steps spoil nothing below"
    if given.parameters >= LARGE and given.family == "pretrained":
        return (
            "lora",
            f"{told}: {given.parameters:,} weights are moved as well by low-rank additions, with a fraction of the memory",
        )
    return "full", f"{told} are enough to move all weights, lower blocks less"


def network_for(arm: Arm, asked: FinetuneOptions, model: ModelSpec) -> ModelSpec:
    """Return the network of a strategy: with an adapter, prompt or prefix where it is one of these.

    Raises:
        ScitrainError: The family has none of these.
    """
    if (told := why_not(arm, model)) is not None:
        raise ScitrainError(f"strategy {arm!r} {told}; take lora, partial, gradual or full")
    if arm == "feature" and getattr(model, "pooling", "") == "auto":
        return model.model_copy(update={"pooling": "layers"})
    part = arm.removeprefix(FIXED)
    if part not in UNITS:
        return model
    return model.model_copy(update={part: asked.units or UNITS[part]})


def why_not(arm: Arm, model: ModelSpec) -> str | None:
    """Say why a strategy cannot be put into networks of this family, or None where it can."""
    part = arm.removeprefix(FIXED)
    if part not in UNITS:
        return None
    takes = "adds to the layers of a Transformer of Hugging Face"
    family = type(model).model_fields["family"].default
    if part not in type(model).model_fields:
        able = listed(sorted(name for name, one in FAMILIES.items() if part in one.model_fields))
        return f"{takes} (families {able}), and these weights are of the family {family!r}"
    if not getattr(model, "takes_parts", True):
        return f"{takes}, and this network of the family {family!r} has none with these options"
    return None


def options_for(arm: Arm, options: TrainingOptions, given: Given) -> tuple[TrainingOptions, list[Decision]]:
    """Return the options of a training with what was ``auto`` settled for this strategy."""
    settled: dict[str, object] = {"devices": 1}
    notes: list[Decision] = []
    for name, (value, why) in _settings(arm, given).items():
        if getattr(options, name) == "auto":
            settled[name] = value
            notes.append(Decision(what=name, value=value, why=why))
    return options.model_copy(update=settled), notes


def keeps_last(arm: Arm, options: TrainingOptions, val: int) -> tuple[bool, str]:
    """Tell whether the last epoch is kept rather than the best by ``val`` validation rows, and why."""
    if arm == "feature":
        return False, "the head is an exact minimum"
    if options.patience != "auto":
        return False, "patience was asked for: the best epoch by validation rows"
    if val < FEW_TO_CHOOSE:
        return (
            True,
            f"{val} validation rows (fewer than {FEW_TO_CHOOSE}) are too few to choose an epoch by: the last one is kept",
        )
    return False, f"the best epoch by {val:,} validation rows"


def _settings(arm: Arm, given: Given) -> dict[str, tuple[int | float, str]]:
    if arm == "feature":
        return {
            "ensemble": (1, "members would share the frozen features"),
        }
    batch = 16 if given.rows < 2_000 else 32
    steps = max(1, given.rows // batch)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps)))
    rate, why = _rate(arm, given)
    if arm == "scratch":  # as many steps again: what is not there at first has to be learned
        epochs = min(2 * MOST_EPOCHS, 2 * epochs)
    return {
        "learning_rate": (rate, why),
        "weight_decay": (0.01, "pretrained weights are near what is wanted; they are hardly pulled towards zero"),
        "batch_size": (batch, f"{given.rows:,} labels"),
        "epochs": (
            epochs,
            f"at least {STEPS} steps of {batch} rows, at least {FEWEST_EPOCHS} and at most {MOST_EPOCHS} epochs",
        ),
        "patience": (max(3, epochs // 3), "a third of the epochs"),
        "ensemble": (1, "one pretrained network; ask for more to have their spread"),
    }


def _rate(arm: Arm, given: Given) -> tuple[float, str]:
    """Return the learning rate: of the top block, or of what is added."""
    large = given.parameters >= LARGE
    if arm.removeprefix(FIXED) in ("prompt", "prefix"):
        return 1e-2, "a few vectors steer a frozen network"
    if arm in ("lora", "adapter"):
        return (5e-4 if large else 1e-3), "additions begin at nothing and are trained alone"
    if given.family not in HUBS:
        return DEFAULTS.get(given.family, TABLE).learning_rate, f"default of family {given.family!r}"
    if arm == "scratch":
        return (1e-4 if large else 5e-4), "usual from random weights"
    rate = (3e-5 if large else 1e-4) if given.family == "pretrained" else (1e-4 if large else 3e-4)
    return rate, f"usual for a pretrained network of {given.parameters:,} weights; the head has its own"
