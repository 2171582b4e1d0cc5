"""Plain convolutional network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Cnn"]

STAGES = ([32, 64, 128], [16, 32, 64, 128], [32, 64, 128, 256], [64, 128, 256])
"""Stages that are tried in a search."""


class Cnn(ModelSpec):
    """Convolutional network of four stages (conv, batch-norm, GELU): the default for small images."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("image",)
    reference: ClassVar[str] = (
        "LeCun et al. 1998, Gradient-based learning applied to document recognition, doi:10.1109/5.726791; "
        "GELU: Hendrycks & Gimpel 2016, arXiv:1606.08415"
    )
    sizes: ClassVar[Mapping[InputKind, Size]] = {"image": Size(388_896, 120_324_096)}
    rows: ClassVar[int] = 200
    gpu: ClassVar[str] = "helps from some thousands of images, or above 100 pixels a side"

    family: Literal["cnn"] = "cnn"
    widths: Annotated[list[int], Tunable(choices=STAGES)] = Field([32, 64, 128, 256], min_length=1, max_length=8)
    """Channels of each stage; each but the last halves height and width."""
    dropout: Annotated[float, Tunable(0.0, 0.6)] = Field(0.3, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of an image.

        Raises:
            ScitrainError: Rows are no images, or a width is not positive.
        """
        from scitrain.models._cnn import CnnEncoder

        if shape.kind != "image":
            raise ScitrainError(f"family 'cnn' reads images, given {shape.kind}; take mlp for vectors, rnn for tokens")
        if min(self.widths) < 1:
            raise ScitrainError(
                f"widths={self.widths} of family 'cnn' must be positive whole numbers, such as [32, 64, 128, 256]"
            )
        return CnnEncoder(shape.shape[0], self.widths, self.dropout)
