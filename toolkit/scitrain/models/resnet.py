"""Residual convolutional network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Resnet"]

CHANNELS = ([32, 64, 128, 256], [64, 128, 256, 512])
DEPTHS = ([1, 1, 1, 1], [2, 2, 2, 2], [3, 4, 6, 3])
"""Networks of 10, 18 and 34 layers, which are tried in a search."""


class Resnet(ModelSpec):
    """Residual network of four layers, trained from scratch: for images where the plain network is too small."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("image",)
    reference: ClassVar[str] = "He et al. 2016, Deep Residual Learning for Image Recognition, doi:10.1109/CVPR.2016.90"
    sizes: ClassVar[Mapping[InputKind, Size]] = {"image": Size(11_176_512, 296_091_648)}
    rows: ClassVar[int] = 5_000
    gpu: ClassVar[str] = "advised: on a CPU hours rather than minutes"

    family: Literal["resnet"] = "resnet"
    widths: Annotated[list[int], Tunable(choices=CHANNELS)] = Field([64, 128, 256, 512], min_length=4, max_length=4)
    """Channels of the four layers; each but the first halves height and width."""
    blocks: Annotated[list[int], Tunable(choices=DEPTHS)] = Field([2, 2, 2, 2], min_length=4, max_length=4)
    """Residual blocks of each layer; `[2, 2, 2, 2]` is ResNet-18, `[3, 4, 6, 3]` ResNet-34."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.0, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of an image.

        Raises:
            ScitrainError: Rows are no images, or a number is not positive.
        """
        from scitrain.models._resnet import ResnetEncoder

        if shape.kind != "image":
            raise ScitrainError(
                f"family 'resnet' reads images, given {shape.kind}; take mlp for vectors, rnn for tokens"
            )
        if min(*self.widths, *self.blocks) < 1:
            raise ScitrainError(f"widths={self.widths} and blocks={self.blocks} of family 'resnet' must be positive")
        channels, height, width = shape.shape
        return ResnetEncoder(channels, (height, width), self.widths, self.blocks, self.dropout)
