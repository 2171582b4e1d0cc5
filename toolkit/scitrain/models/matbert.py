"""Transformer over the elements of a formula."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from scitrain.contracts.modality import Columns
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import ScitrainError
from scitrain.models._parts import WithParts
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.modalities.formula import FormulaElements
    from scitrain.models._encoder import Encoder

__all__ = ["Matbert"]


class Matbert(WithParts):
    """BERT over the elements of a formula, amounts as embeddings: the order of the elements makes no difference. Formulas alone."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("tokens",)
    modalities: ClassVar[tuple[str, ...]] = ("formula",)
    reference: ClassVar[str] = (
        "Devlin et al. 2019, BERT, doi:10.18653/v1/N19-1423; elements, amounts: Wang et al. 2021, CrabNet, doi:10.1038/s41524-021-00545-1"
    )
    ensemble_default: ClassVar[int] = 8
    unlike: ClassVar[str] = (
        "networks that read different things err apart; one that reads both was no better than one of tokens"
    )
    rows: ClassVar[int] = 500
    gpu: ClassVar[str] = "not needed for size small; advised for base and large"

    family: Literal["matbert"] = "matbert"
    size: Literal["small", "base", "large"] = "small"
    """Layers × width × heads: 3×128×4, 6×512×8, 12×768×12."""
    dropout: Annotated[float, Tunable(0.0, 0.4)] = Field(0.1, ge=0, lt=1)
    """Share of units silenced in each training step."""
    element_features: Literal["apart", "beside", "none"] = "apart"
    """Statistics of the elements' properties, as `mlp` reads them: by every second network of an ensemble, which reads nothing else, or by
    each network beside the tokens."""
    tokens: bool = True
    """Read the elements as tokens; without, the network is a small one of the statistics."""
    weights: str | None = None
    """Folder that pretrain_transformer wrote; its size counts then."""
    config: dict[str, JsonValue] = {}
    """Architecture; read with the weights."""

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if not self.tokens and self.element_features == "none":
            raise ValueError(
                "tokens=false and element_features='none' leave a network nothing to read; leave one of them out"
            )
        if not self.tokens and self.has_parts:
            raise ValueError(
                "adapter, prompt and prefix stand in a Transformer, and tokens=false has none; leave one of them out"
            )
        return self

    def settled(self) -> "Matbert":
        """Return this with its architecture.

        Raises:
            ScitrainError: The folder is not one of a pretrained MatBERT.
        """
        if self.config or self.weights is None:
            return self
        from scitrain.models._bert import read_architecture

        found = read_architecture(Path(self.weights), "composition")
        return self.model_copy(update={"config": found})

    @property
    def takes_parts(self) -> bool:
        """Tell whether elements are read as tokens: a network of the statistics alone has no Transformer."""
        return self.tokens

    def of_member(self, number: int) -> "Matbert":
        """Return this, or without tokens for every second member where statistics are read apart and nothing is put into a Transformer."""
        apart = self.element_features == "apart" and not self.has_parts
        return self.model_copy(update={"tokens": False}) if apart and number % 2 else self

    def featuriser(self, modality: str, columns: Columns) -> "FormulaElements | None":
        """Return elements and their fractions; None for other modalities."""
        if modality != "formula" or len(columns) != 1:
            return None
        from scitrain.modalities.formula import FormulaElements

        return FormulaElements(columns=tuple(columns))

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder, with the weights of ``weights`` where given.

        Raises:
            ScitrainError: Rows are no elements with amounts, or the weights are of another architecture.
        """
        if "amounts" not in shape.blocks or shape.kind != "tokens":
            raise ScitrainError(
                f"family 'matbert' reads one column of formulas as elements and amounts, given {shape.kind}; take transformer for other "
                "tokens, mlp for vectors"
            )
        from scitrain.models._matbert import MatBertEncoder, StatisticsEncoder

        if not self.tokens:
            return StatisticsEncoder(self.dropout)
        encoder = MatBertEncoder(self.settled())
        encoder.insert(self.adapter, self.prompt, self.prefix)
        return encoder
