"""A local folder with a model as the hub lays it out."""

import json
from pathlib import Path

from scitrain.errors import ScitrainError, listed

__all__ = ["check_folder", "licence_of"]

TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds no whole model.

    Raises:
        ScitrainError: What is missing, what is there, and what to bring.
    """
    there = sorted(path.name for path in folder.iterdir())
    shown = listed(there) or "nothing"
    if "config.json" not in there:
        near = [path.parent.name for path in sorted(folder.glob("*/config.json"))]
        hint = f"; its folder {near[0]!r} has one: give that" if near else ""
        raise ScitrainError(
            f"the folder {str(folder)!r} has no config.json, which says what network its weights are of (it holds {shown}){hint}; "
            "give the folder that `hf download NAME --local-dir FOLDER` or save_pretrained wrote"
        )
    _check_type(folder / "config.json")
    if not any(name.endswith(".safetensors") or name == "pytorch_model.bin" for name in there):
        raise ScitrainError(
            f"the folder {str(folder)!r} has no weights: expected model.safetensors (or pytorch_model.bin with tensors alone), "
            f"it holds {shown}"
        )
    if not any(name in there for name in TOKENIZERS):
        raise ScitrainError(
            f"the folder {str(folder)!r} has no tokenizer: expected one of {listed(TOKENIZERS)}, it holds {shown}; copy the "
            "tokenizer's files of the same model beside its weights"
        )


def licence_of(folder: Path) -> str | None:
    """Return the licence that the model's own card states, such as ``apache-2.0``."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    import yaml

    parts = card.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        return None
    try:
        found = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return None
    licence = found.get("license") if isinstance(found, dict) else None
    return str(licence) if licence else None


def _check_type(path: Path) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScitrainError(f"{path} is no readable JSON ({error}); copy the file again") from None
    if not isinstance(found, dict) or not found.get("model_type"):
        raise ScitrainError(
            f"{path} names no model_type, so that it is no configuration of a Transformer; networks of timm and torchvision are "
            "given by their name, with weights='…' for a local file"
        )
