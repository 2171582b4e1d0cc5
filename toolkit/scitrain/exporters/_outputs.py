"""What each output of an exported network is called."""

from collections.abc import Sequence

from scitrain.data.prepared import Target
from scitrain.data.slots import Slot

__all__ = ["output_names"]


def output_names(slots: Sequence[Slot], targets: Sequence[Target]) -> list[dict[str, str]]:
    """Return by output the target, and the names of its columns in prediction and spread, with the unit of a number."""
    found = []
    for slot, target in zip(slots, targets, strict=True):
        unit = f" [{target.unit}]" if target.unit else ""
        classes = target.classes or ()
        shown = classes if slot.task == "multiclass" else classes[1:]
        found += [_named(target, f"probability_{label}", f"spread_{label}") for label in shown]
        found += [_named(target, f"predicted{unit}", f"spread{unit}")] if target.classes is None else []
    return found


def _named(target: Target, prediction: str, spread: str) -> dict[str, str]:
    return {"target": target.name, "prediction": f"{target.name}_{prediction}", "spread": f"{target.name}_{spread}"}
