"""Any network of the timm library."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Timm"]


class Timm(ModelSpec):
    """Any image network of timm by name, from scratch or with pretrained weights: the best start for few images."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("image",)
    reference: ClassVar[str] = "Wightman 2019, PyTorch Image Models, doi:10.5281/zenodo.4414861"
    sizes: ClassVar[Mapping[InputKind, Size]] = {"image": Size(11_176_512, 296_091_648)}
    rows: ClassVar[int] = 200
    gpu: ClassVar[str] = "advised, for transformers (`vit_…`) and images above 100 pixels needed"

    family: Literal["timm"] = "timm"
    name: str = "resnet18"
    """Network, such as `resnet18`, `convnext_tiny`, or with a tag for its weights, `vit_small_patch16_224.augreg_in21k`."""
    pretrained: bool = False
    """Start from weights of the Hugging Face hub."""
    weights: str | None = None
    """Local file with pretrained weights (safetensors, or a PyTorch file that holds tensors alone)."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.0, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the backbone, with weights where they are asked for.

        Raises:
            ScitrainError: Rows are no images, timm has no such network, or its weights cannot be had.
        """
        if shape.kind != "image":
            raise ScitrainError(f"family 'timm' reads images, given {shape.kind}; take mlp for vectors, rnn for tokens")
        path = None if self.weights is None else Path(self.weights).expanduser()
        from scitrain.models._timm import TimmEncoder
        from scitrain.weights import read_tensors

        if path is not None:
            read_tensors(path)  # says what is wrong with a file, which timm does not

        return TimmEncoder(self.name, self.pretrained, path, shape, self.dropout)
