"""Any classifier of the torchvision library."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Torchvision"]


class Torchvision(ModelSpec):
    """Any image classifier of torchvision by name, its head replaced; from scratch or with pretrained weights."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("image",)
    reference: ClassVar[str] = "Marcel & Rodriguez 2010, Torchvision, doi:10.1145/1873951.1874254"
    sizes: ClassVar[Mapping[InputKind, Size]] = {"image": Size(11_176_512, 296_091_648)}
    rows: ClassVar[int] = 200
    gpu: ClassVar[str] = "advised; needed for images above 100 pixels"

    family: Literal["torchvision"] = "torchvision"
    name: str = "resnet18"
    """Network, such as `resnet50`, `vit_b_16`, `efficientnet_b0`, `convnext_tiny`, `swin_t`."""
    pretrained: bool = False
    """Start from torchvision's own weights."""
    weights: str | None = None
    """Local file with pretrained weights (safetensors, or a PyTorch file that holds tensors alone)."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.0, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the network without its head, with weights where they are asked for.

        Raises:
            ScitrainError: Rows are no images, torchvision has no such network, or its weights cannot be had.
        """
        if shape.kind != "image":
            raise ScitrainError(
                f"family 'torchvision' reads images, given {shape.kind}; take mlp for vectors, rnn for tokens"
            )
        from scitrain.models._torchvision import TorchvisionEncoder

        path = None if self.weights is None else Path(self.weights).expanduser()
        return TorchvisionEncoder(self.name, self.pretrained, path, shape, self.dropout)
