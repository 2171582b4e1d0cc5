"""Convolutional network along one axis."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Cnn1d"]


STAGES = ([16, 32, 64], [32, 64, 128], [64, 128, 256], [32, 64, 128, 256])
"""Blocks that are tried in a search."""


class Cnn1d(ModelSpec):
    """Convolutional network along one axis: for long spectra and time series, and for motifs in sequences and texts."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("series", "tokens")
    reference: ClassVar[str] = (
        "Waibel et al. 1989, Phoneme recognition using time-delay neural networks, doi:10.1109/29.21701; "
        "dilation: Bai et al. 2018, arXiv:1803.01271"
    )
    sizes: ClassVar[Mapping[InputKind, Size]] = {
        "series": Size(1_121_184, 13_221_888),
        "tokens": Size(90_560, 11_010_048),
    }
    rows: ClassVar[int] = 2_000
    gpu: ClassVar[str] = "helps from some tens of thousands of rows"

    family: Literal["cnn1d"] = "cnn1d"
    widths: Annotated[list[int], Tunable(choices=STAGES)] = Field([32, 64, 128], min_length=1, max_length=12)
    """Channels of each block; in a series each halves the length, in tokens each doubles its reach."""
    kernel: Annotated[int, Tunable(choices=(3, 5, 7, 11))] = Field(7, ge=1, le=63)
    """Places, an odd number, that a convolution looks at."""
    embedding: Annotated[int, Tunable(16, 128, log=True)] = Field(64, ge=1, le=4096)
    """Numbers a token is turned into."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.2, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of a series or of tokens.

        Raises:
            ScitrainError: Rows are neither, a width is not positive, or the kernel has no middle.
        """
        from scitrain.models._cnn1d import SeriesCnnEncoder, TokenCnnEncoder

        if shape.kind not in self.consumes:
            raise ScitrainError(
                f"family 'cnn1d' reads series and tokens, given {shape.kind}; take mlp for vectors, cnn for images"
            )
        if min(self.widths) < 1 or self.kernel % 2 == 0:
            raise ScitrainError(
                f"family 'cnn1d' needs positive widths and an odd kernel, given widths={self.widths} and kernel={self.kernel}"
            )
        if shape.kind == "tokens":
            return TokenCnnEncoder(shape.vocabulary or 2, self.embedding, self.widths, self.kernel, self.dropout)
        channels, length = shape.shape
        return SeriesCnnEncoder(channels, length, self.widths, self.kernel, self.dropout)
