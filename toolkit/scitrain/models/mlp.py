"""Fully connected network on a vector."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Mlp"]

STACKS = ([128, 128], [256, 256], [512, 512], [512, 256], [256, 256, 256])
"""Hidden layers that are tried in a search."""


class Mlp(ModelSpec):
    """Fully connected network on a vector: the default for tables, molecules and formulas; trained as an ensemble."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("vector",)
    reference: ClassVar[str] = (
        "Gorishniy et al. 2021, Revisiting Deep Learning Models for Tabular Data, arXiv:2106.11959; ensembles: "
        "Lakshminarayanan et al. 2017, arXiv:1612.01474; batch normalisation: Ioffe & Szegedy 2015, arXiv:1502.03167"
    )
    ensemble_default: ClassVar[int] = 5
    sizes: ClassVar[Mapping[InputKind, Size]] = {"vector": Size(117_760, 233_472)}
    rows: ClassVar[int] = 50

    family: Literal["mlp"] = "mlp"
    widths: Annotated[list[int], Tunable(choices=STACKS)] = Field([256, 256], min_length=1, max_length=16)
    """Units of each hidden layer."""
    norm: Annotated[Literal["batch", "layer", "none"], Tunable()] = "batch"
    """Normalisation in each layer: over the batch, over the layer, or none."""
    dropout: Annotated[float, Tunable(0.0, 0.6)] = Field(0.3, ge=0, lt=1)
    """Share of hidden units silenced in each training step."""
    input_dropout: Annotated[float, Tunable(0.0, 0.3)] = Field(0.0, ge=0, lt=1)
    """Share of input values silenced in each training step."""
    residual: Annotated[bool, Tunable(usual=False)] = False
    """Add a layer's input to its output where their widths agree."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of a vector.

        Raises:
            ScitrainError: Rows are no vectors, or a width is not positive.
        """
        from scitrain.models._mlp import MlpEncoder

        if shape.kind != "vector":
            raise ScitrainError(
                f"family 'mlp' reads vectors, given {shape.kind}; take cnn, resnet or timm for images, rnn for tokens"
            )
        if min(self.widths) < 1:
            raise ScitrainError(
                f"widths={self.widths} of family 'mlp' must be positive whole numbers, such as [256, 256]"
            )
        dropout = (self.input_dropout, self.dropout)
        return MlpEncoder(shape.shape[0], self.widths, self.norm, dropout, self.residual, shape.blocks)
