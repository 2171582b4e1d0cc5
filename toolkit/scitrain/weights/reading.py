"""Tensors from a file, and nothing but tensors."""

from pathlib import Path
from typing import TYPE_CHECKING

from scitrain.errors import ScitrainError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SUFFIXES", "read_tensors"]

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """Read weights by name from safetensors, or from a PyTorch file that holds tensors alone.

    Raises:
        ScitrainError: There is no such file, it is damaged, or it is a pickle that would run code.
    """
    if not path.is_file() or path.suffix not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
        raise ScitrainError(
            f"{str(path)!r} is no file of pretrained weights; give the path of a file ending in {kinds}"
        )
    found = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    return {name.removeprefix("module."): value for name, value in found.items()}


def _safetensors(path: Path) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ScitrainError(f"{path} is no whole safetensors file ({error}); copy it again") from None


def _pickled(path: Path) -> "dict[str, Tensor]":
    import pickle
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a pickle's protocol: what it holds is told below
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ScitrainError(
            f"{path} holds more than tensors, or is damaged ({reason}): a pickle can run any code, so only weights are read; where "
            "you trust it, convert it once with safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
        ) from None
    for key in ("state_dict", "model"):
        found = found[key] if isinstance(found, dict) and isinstance(found.get(key), dict) else found
    if not isinstance(found, dict) or not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ScitrainError(f"{path} holds no weights by name; save model.state_dict() as safetensors")
    return found
