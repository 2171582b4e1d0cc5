"""Recurrent network over tokens or a series."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.model import InputKind, InputShape, ModelSpec, Size
from scitrain.errors import ScitrainError
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.models._encoder import Encoder

__all__ = ["Rnn"]


class Rnn(ModelSpec):
    """Bidirectional LSTM or GRU over tokens (SMILES, formulas, sequences, texts) or a series; wants some thousands of rows."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("tokens", "series")
    reference: ClassVar[str] = (
        "LSTM: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; GRU: Cho et al. 2014, doi:10.3115/v1/D14-1179; "
        "both directions: Schuster & Paliwal 1997, doi:10.1109/78.650093"
    )
    sizes: ClassVar[Mapping[InputKind, Size]] = {
        "tokens": Size(598_016, 75_497_472),
        "series": Size(594_048, 302_022_656),
    }
    rows: ClassVar[int] = 3_000
    gpu: ClassVar[str] = "helps from some thousands of rows"

    family: Literal["rnn"] = "rnn"
    cell: Annotated[Literal["lstm", "gru"], Tunable()] = "lstm"
    """Kind of recurrent cell."""
    embedding: Annotated[int, Tunable(16, 128, log=True)] = Field(64, ge=1, le=4096)
    """Numbers a token, or a place of a series, is turned into."""
    hidden: Annotated[int, Tunable(32, 256, log=True)] = Field(128, ge=1, le=4096)
    """Units of a layer, in each direction."""
    layers: Annotated[int, Tunable(1, 3)] = Field(2, ge=1, le=8)
    """Recurrent layers."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.2, ge=0, lt=1)
    """Share of units silenced between layers in each training step."""

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder of token ids or of a series.

        Raises:
            ScitrainError: Rows are neither.
        """
        from torch import nn

        from scitrain.models._rnn import RnnEncoder, SeriesRnnEncoder

        sizes: dict[str, Any] = {"inside": self.embedding, "hidden": self.hidden, "layers": self.layers}
        sizes |= {"cell": self.cell, "dropout": self.dropout}
        if shape.kind == "tokens" and shape.vocabulary is not None:
            return RnnEncoder(nn.Embedding(shape.vocabulary, self.embedding, padding_idx=0), **sizes)
        if shape.kind == "series":
            there = shape.blocks["there"][0] if "there" in shape.blocks else None
            return SeriesRnnEncoder(there, nn.Linear(shape.shape[0], self.embedding), **sizes)
        raise ScitrainError(
            f"family 'rnn' reads tokens and series, given {shape.kind}; take mlp for vectors, cnn for images"
        )
