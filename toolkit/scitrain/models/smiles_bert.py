"""BERT over the tokens of SMILES."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.modality import Columns
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import ScitrainError
from scitrain.models._parts import WithParts
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.modalities.pretrained_tokens import PretrainedTokens
    from scitrain.models._encoder import Encoder

__all__ = ["SmilesBert"]


class SmilesBert(WithParts):
    """BERT over the tokens of SMILES with a fixed vocabulary, from random weights: what pretrain_transformer pretrains. Molecules alone."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("tokens",)
    modalities: ClassVar[tuple[str, ...]] = ("smiles",)
    reference: ClassVar[str] = (
        "Devlin et al. 2019, BERT, doi:10.18653/v1/N19-1423; molecules: Chithrananda et al. 2020, arXiv:2010.09885"
    )
    rows: ClassVar[int] = 5_000
    gpu: ClassVar[str] = "advised; size small learns some thousand molecules on a CPU"

    family: Literal["smiles_bert"] = "smiles_bert"
    size: Literal["small", "base", "large"] = "small"
    """Layers × width × heads: 3×128×4, 6×512×8, 12×768×12."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.1, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""

    def featuriser(self, modality: str, columns: Columns) -> "PretrainedTokens | None":
        """Return tokens of the fixed vocabulary of SMILES; None for other modalities."""
        if modality != "smiles":
            return None
        from scitrain.modalities.pretrained_tokens import pretrained_tokens
        from scitrain.models._bert import SMILES_PLACES
        from scitrain.tokenizers import smiles

        tokenizer = smiles()
        told = str(tokenizer.backend_tokenizer.to_str())
        return pretrained_tokens(modality, columns, told, len(tokenizer), SMILES_PLACES - self.prompt)

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder from random weights.

        Raises:
            ScitrainError: Rows are no SMILES in this vocabulary, or more than one part is put in.
        """
        from scitrain.models._bert import architecture
        from scitrain.models._pretrained import blank_encoder

        config = architecture("smiles", self.size)
        if shape.kind != "tokens" or shape.vocabulary != int(str(config["vocab_size"])) + 1:
            raise ScitrainError(
                f"family 'smiles_bert' reads one column of SMILES by its own tokens, given {shape.kind}; take transformer for other tokens"
            )
        encoder = blank_encoder(config, self.dropout)
        encoder.insert(self.adapter, self.prompt, self.prefix)
        return encoder
