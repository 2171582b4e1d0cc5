"""A new model family: random Fourier features."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Waves"]


class Waves(ModelSpec):
    """Sines and cosines of random projections of a vector."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("vector",)
    reference: ClassVar[str] = "Rahimi & Recht 2007, Random Features for Large-Scale Kernel Machines"

    family: Literal["waves"] = "waves"
    waves: int = Field(16, ge=1)
    """Number of projections."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of a vector."""
        from scitrain.models._waves import WavesEncoder

        return WavesEncoder(shape.shape[0], self.waves)
