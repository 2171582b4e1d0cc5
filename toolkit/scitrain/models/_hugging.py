"""Where models of Hugging Face are read from, without the noise of their library."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from torch import nn

from scitrain.errors import ScitrainError
from scitrain.weights import ENCODERS, ZERO_SHOT, Wanted, fetched

__all__ = ["KNOWN", "come_from", "quiet", "recompute", "taken"]

HF: Any = transformers  # its own types are of no help: what a class takes is decided by what is loaded
SCRATCH = "train from scratch with model='transformer' of train_model"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
KNOWN = tuple(dict.fromkeys(name for names in (*ENCODERS.values(), *ZERO_SHOT.values()) for name in names))


@contextmanager
def come_from(name: str, scratch: str = SCRATCH) -> Iterator[dict[str, Any]]:
    """Yield where a model is read from: its folder, the cache, or the hub; ``scratch`` is what does without it.

    Raises:
        ScitrainError: It cannot be had; says which files to put where.
    """
    with quiet():
        if Path(name).expanduser().is_dir():
            try:
                yield {"local_files_only": True}
            except OSError as error:
                raise ScitrainError(f"the folder {name!r} cannot be read: {error}") from error
            return
        wanted = Wanted(name, name, FILES, local="name, source, encoder or model", known=KNOWN, scratch=scratch)
        with fetched(wanted) as cached:
            yield {"local_files_only": cached}


@contextmanager
def taken(name: str) -> Iterator[None]:
    """Tell why weights, tokenizer or pixels' statistics that are there cannot be used.

    Raises:
        ScitrainError: They are of another architecture, or need a library or code of their own.
    """
    try:
        yield
    except (RuntimeError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ScitrainError(f"the model {name!r} cannot be taken: {reason}") from error


def recompute(network: nn.Module) -> None:
    """Let a network of transformers keep only what lies between its layers, and compute the rest once more on the way back."""
    now, before = "activation_checkpointing_enable", "gradient_checkpointing_enable"  # the older name
    enable: Any = getattr(network, now if hasattr(network, now) else before)
    enable({"use_reentrant": False})


@contextmanager
def quiet() -> Iterator[None]:
    """Silence bars and reports: what matters is told by errors of ours."""
    level, bars = HF.logging.get_verbosity(), HF.logging.is_progress_bar_enabled()
    HF.logging.set_verbosity_error()
    HF.logging.disable_progress_bar()
    try:
        yield
    finally:
        HF.logging.set_verbosity(level)
        if bars:
            HF.logging.enable_progress_bar()
