"""Transformer encoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Transformer"]


class Transformer(ModelSpec):
    """Pre-norm Transformer encoder, trained from scratch, over tokens or patches of a series; wants many thousands of rows."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("tokens", "series")
    reference: ClassVar[str] = (
        "Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762; pre-norm: Xiong et al. 2020, arXiv:2002.04745; "
        "patches of a series: Nie et al. 2023, arXiv:2211.14730"
    )
    sizes: ClassVar[Mapping[InputKind, Size]] = {
        "tokens": Size(611_456, 81_788_928),
        "series": Size(600_320, 39_387_136),
    }
    rows: ClassVar[int] = 50_000
    gpu: ClassVar[str] = "advised for the rows it wants"

    family: Literal["transformer"] = "transformer"
    width: Annotated[int, Tunable(choices=(64, 128, 256))] = Field(128, ge=1, le=4096)
    """Numbers a token is turned into."""
    depth: Annotated[int, Tunable(1, 6)] = Field(3, ge=1, le=48)
    """Layers."""
    heads: Annotated[int, Tunable(choices=(2, 4, 8), usual=False)] = Field(4, ge=1, le=64)
    """Attention heads, which share the width equally."""
    patch: Annotated[int, Tunable(choices=(4, 8, 16), usual=False)] = Field(8, ge=1, le=1024)
    """Consecutive values of a series that make one token."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.2, ge=0, lt=1)
    """Share of units silenced in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of tokens or of a series.

        Raises:
            ScitrainError: Rows are neither, or the heads cannot share the width.
        """
        from scitrain.models._transformer import SeriesTransformerEncoder, TokenTransformerEncoder, Trunk

        if shape.kind not in self.consumes:
            raise ScitrainError(
                f"family 'transformer' reads tokens and series, given {shape.kind}; take mlp for vectors, cnn for images"
            )
        if self.width % self.heads:
            raise ScitrainError(
                f"width={self.width} of family 'transformer' cannot be shared by heads={self.heads}; take a multiple of it"
            )
        length = shape.shape[-1] if shape.kind == "tokens" else -(-shape.shape[-1] // self.patch)
        trunk = Trunk(length, self.width, self.depth, self.heads, self.dropout)
        if shape.kind == "tokens":
            return TokenTransformerEncoder(shape.vocabulary or 2, trunk)
        there = shape.blocks["there"][0] if "there" in shape.blocks else None
        return SeriesTransformerEncoder(shape.shape[0], self.patch, there, trunk)
