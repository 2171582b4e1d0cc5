"""A network declared layer by layer."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from scitrain.contracts.model import InputKind, InputShape, ModelSpec
from scitrain.errors import ScitrainError
from scitrain.models._layers import (
    AnyLayer,
    Attention,
    Conv1d,
    Conv2d,
    Embedding,
    Form,
    Layer,
    Position,
    Residual,
    Rnn,
    problems,
    trace,
)

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Stack"]

TELLING: dict[type[Layer], InputKind] = {
    Embedding: "tokens",
    Conv2d: "image",
    Conv1d: "series",
    Position: "series",
    Rnn: "series",
    Attention: "series",
}
"""Layers that say what a stack reads; the first one does."""
OPEN: dict[InputKind, Form] = {
    "vector": Form("vector", (None,)),
    "tokens": Form("ids", (None,)),
    "series": Form("places", (None, None)),
    "image": Form("image", (None, None, None)),
}
"""What comes in while nothing is known of the data."""


class Stack(ModelSpec):
    """Your own network, layer by layer: `{"family": "stack", "layers": [{"kind": "linear", "width": 64}, …]}`."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("vector", "tokens", "series", "image")
    reference: ClassVar[str] = (
        "yours; attention: Vaswani et al. 2017, arXiv:1706.03762; residual layers: He et al. 2015, arXiv:1512.03385"
    )
    gpu: ClassVar[str] = "as its layers say: results/architecture.json of a run has the work of each"

    family: Literal["stack"] = "stack"
    layers: list[AnyLayer] = Field(min_length=1, max_length=256)
    """The layers in their order; the last must leave a vector, on which the head is put."""
    reads: Literal["auto", "vector", "tokens", "series", "image"] = "auto"
    """What comes in; auto: tokens for embedding, image for conv2d, series for conv1d, rnn, attention or position, else a vector."""

    @model_validator(mode="after")
    def _fits_as_far_as_known(self) -> "Stack":
        """Find what cannot fit whatever the data are, before anything is read."""
        found = self._problems(OPEN[self.kinds()[0]])
        if found:
            raise ValueError(listed_problems(found))
        return self

    def kinds(self) -> tuple[InputKind, ...]:
        """Return the one kind that the layers read."""
        if self.reads != "auto":
            return (self.reads,)
        return (next((TELLING[type(layer)] for layer in flat(self.layers) if type(layer) in TELLING), "vector"),)

    def build(self, shape: InputShape) -> "Encoder":
        """Build the network.

        Raises:
            ScitrainError: Rows are of another kind than the layers read, or layers do not fit; names each of them.
        """
        from scitrain.models._stack import StackEncoder

        (kind,) = self.kinds()
        if shape.kind != kind:
            raise ScitrainError(
                f"these layers of family 'stack' read {kind}, given {shape.kind}; begin with embedding for tokens, conv2d for "
                "images, conv1d for series, linear for a vector, or set reads"
            )
        form = Form(OPEN[kind].kind, tuple(shape.shape))
        found = self._problems(form)
        if found:
            raise ScitrainError(listed_problems(found))
        return StackEncoder(self.layers, form, shape)

    def _problems(self, form: Form) -> list[str]:
        """Return what does not fit; that no vector leaves is told where all layers fit."""
        found = list(problems(self.layers, form))
        last = trace(self.layers, form)[-1:]
        if not found and last[0].kind != "vector":
            end = f"layers[{len(self.layers) - 1}], the last, leaves {last[0].words()}"
            return [f"{end}, not a vector; add flatten, mean or max behind it"]
        return found


def flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield layers in their order, those inside residual ones too."""
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from flat(layer.layers)


def listed_problems(found: Sequence[str]) -> str:
    """Return all sentences as one message."""
    return f"the layers do not fit: {'; and '.join(found)}"
