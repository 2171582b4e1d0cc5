"""Encoders of the Hugging Face hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from scitrain.contracts.modality import Columns
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import ScitrainError
from scitrain.models._parts import WithParts
from scitrain.tunable import Tunable

if TYPE_CHECKING:
    from scitrain.modalities.pretrained_tokens import PretrainedTokens
    from scitrain.models._encoder import Encoder

__all__ = ["Pretrained"]


class Pretrained(WithParts):
    """Transformer of the Hugging Face hub (BERT, RoBERTa, ESM, …) with its own tokenizer: texts, molecules, proteins of few labels."""

    consumes: ClassVar[tuple[InputKind, ...]] = ("tokens",)
    reference: ClassVar[str] = (
        "Devlin et al. 2019, BERT, doi:10.18653/v1/N19-1423; sentences: Reimers & Gurevych 2019, doi:10.18653/v1/D19-1410; "
        "molecules: Chithrananda et al. 2020, arXiv:2010.09885; proteins: Lin et al. 2023, doi:10.1126/science.ade2574; "
        "adapters: Houlsby et al. 2019, arXiv:1902.00751; prompts: Lester et al. 2021, doi:10.18653/v1/2021.emnlp-main.243; "
        "prefixes: Li & Liang 2021, doi:10.18653/v1/2021.acl-long.353"
    )
    rows: ClassVar[int] = 50
    gpu: ClassVar[str] = (
        "advised; small encoders (20 million parameters) fine-tune on a CPU in minutes for some hundred rows"
    )

    family: Literal["pretrained"] = "pretrained"
    name: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Model of the hub, or a local folder with config.json, weights and tokenizer."""
    pretrained: bool = True
    """False: the same network from random weights."""
    pooling: Annotated[Literal["auto", "mean", "cls", "layers"], Tunable(usual=False)] = "auto"
    """Features of a row: the mean over its tokens, the first token's, or the means of all layers side by side; `auto`: the first token's
    where a sentence encoder says so (1_Pooling/config.json), else the mean."""
    dropout: Annotated[float, Tunable(0.0, 0.5)] = Field(0.1, ge=0, lt=1)
    """Share of features silenced before the head in each training step."""
    config: dict[str, JsonValue] = {}
    """Architecture; read with the weights, so that a trained model needs no hub."""

    def settled(self) -> "Pretrained":
        """Return this with its architecture.

        Raises:
            ScitrainError: There is no such model, the hub cannot be reached, or the folder is not whole.
        """
        if self.config:
            return self
        from scitrain.models._pretrained import read_config

        if Path(self.name).expanduser().is_dir():
            from scitrain.weights import check_folder

            check_folder(Path(self.name).expanduser())
        return self.model_copy(update={"config": read_config(self.name)})

    def featuriser(self, modality: str, columns: Columns) -> "PretrainedTokens | None":
        """Return tokens of the model's own tokenizer for texts, molecules and sequences; None for other modalities."""
        from scitrain.modalities.pretrained_tokens import KINDS, pretrained_tokens

        if modality not in KINDS:
            return None
        from scitrain.modalities.sequence import alphabet_of
        from scitrain.models._pretrained import most_tokens, read_tokenizer

        tokenizer, vocabulary = read_tokenizer(self.name)
        alphabet = alphabet_of(next(iter(columns.values()))) if modality == "sequence" else None
        most = most_tokens(self.config) - self.prompt
        return pretrained_tokens(modality, columns, tokenizer, vocabulary, most, alphabet)

    def build(self, shape: InputShape) -> "Encoder":
        """Build the encoder, with its weights unless ``pretrained`` is false.

        Raises:
            ScitrainError: Rows are no tokens, or the weights cannot be had or are of another architecture.
        """
        if shape.kind != "tokens":
            raise ScitrainError(
                f"family 'pretrained' reads tokens of its own tokenizer, given {shape.kind}; take timm for images, mlp for vectors"
            )
        from scitrain.models._pretrained import pretrained_encoder

        return pretrained_encoder(self.settled())
