"""What a network can be made smaller by, and where that cannot work; imports nothing heavy."""

from typing import TYPE_CHECKING, Literal

from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError

if TYPE_CHECKING:
    from scitrain.inference.config import TrainedConfig

__all__ = ["AUTO", "Asked", "Method", "refuse_compressed", "settle"]

Method = Literal["int8_weights", "int8_static", "int8_dynamic", "fp16", "bf16", "prune"]
Asked = Literal["auto", "int8_weights", "int8_static", "int8_dynamic", "fp16", "bf16", "prune"]
AUTO: tuple[Method, ...] = ("int8_static", "int8_dynamic", "int8_weights", "fp16")
"""Tried where nobody names a method: each takes seconds and trains nothing."""


def settle(asked: Asked | list[Method]) -> tuple[Method, ...]:
    """Return the methods to try, each once, in their order."""
    if asked == "auto":
        return AUTO
    return (asked,) if isinstance(asked, str) else tuple(dict.fromkeys(asked))


def refuse_compressed(config: "TrainedConfig", run_id: str, parents: list[str]) -> None:
    """Refuse a model whose weights were rounded before: rounding them again adds the errors and saves nothing.

    Raises:
        ScitrainError: It is one; says which run to take.
    """
    if config.weights == "fp32":
        return
    original = f"run={parents[0]!r}" if parents else "the run that was trained"
    raise ScitrainError(
        f"run {run_id} holds {config.weights} weights already: quantising or pruning it again would add a second rounding error; "
        f"compress {original}, from which it was made, with the method you want instead. To prune and quantise, prune first "
        "(method='prune') and then quantise the run that gives"
    )


def family_of(model: ModelSpec) -> str:
    """Return the name of the family."""
    return str(type(model).model_fields["family"].default)
