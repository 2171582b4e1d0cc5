"""Networks of the family ``pretrained``."""

import inspect
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from pydantic import JsonValue
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

from scitrain.errors import ScitrainError
from scitrain.models._encoder import Encoder
from scitrain.models._hugging import KNOWN, come_from, quiet, recompute
from scitrain.models._inserted import insert
from scitrain.weights.fitting import misfit

if TYPE_CHECKING:
    from scitrain.models.pretrained import Pretrained

__all__ = ["PretrainedEncoder", "blank_encoder", "most_tokens", "pretrained_encoder", "read_config", "read_tokenizer"]

HF: Any = transformers  # its own types are of no help: what a class takes is decided by what is loaded
MOST_TOKENS = 1024
"""Tokens a row where the network itself knows no limit."""
PIECE = 1 << 14
"""Tokens computed at once where nothing is learned: bounded memory, and rows of one length together."""
POOLING = "1_Pooling/config.json"
"""File by which sentence-transformers says what stands for a row."""
QUIETLY: dict[str, Any] = {
    "_raise_exceptions_for_missing_entries": False,
    "_raise_exceptions_for_connection_errors": False,
}
"""Most encoders have no such file, and need none."""
FIRST = "first_token_stands_for_row"
"""Entry of an architecture that says so where it is the first token; others are pooled by their mean."""
HEADS = ("cls.", "lm_head.", "classifier.", "pooler.", "score.", "qa_outputs.", "contact_head.")
"""Beginnings of tensors that belong to the head of the pretraining, which is replaced."""


class PretrainedEncoder(Encoder):
    """Mean of the last hidden states over all tokens that are no padding, behind dropout; or the first token's, or all layers' means.

    What a frozen network knows of a row beside its topic lies in its middle layers (Liu et al. 2019, doi:10.18653/v1/N19-1112).
    """

    sorts = True

    def __init__(self, backbone: Any, places: int, pooling: str, dropout: float) -> None:  # noqa: ANN401 - of any class
        super().__init__()
        self.pooling = pooling
        self.pad = int(backbone.config.pad_token_id or 0)
        states = int(backbone.config.num_hidden_layers) + 1 if pooling == "layers" else 1
        self.width = states * int(backbone.config.hidden_size)
        self.before, self.places = 0, places
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)

    def insert(self, adapter: int, prompt: int, prefix: int) -> None:
        """Put small parts that are trained into the network, each 0 for none."""
        self.backbone = insert(self.backbone, adapter, prompt, prefix)
        self.before += prompt
        # transformers forgets keys put before others where it recomputes
        self.recomputes = self.recomputes and not prefix
        if self.before >= self.places:
            raise ScitrainError(
                f"prompt={prompt} leaves no place for tokens: this network has {self.places} places; ask for fewer"
            )

    def forward(self, rows: Tensor) -> Tensor:
        """Map token ids (batch, length), 0 for padding, to (batch, width)."""
        rows = rows[:, : self.places - self.before]
        if self.as_given or _captured():
            return self._features(rows)
        if torch.is_grad_enabled():
            return self._features(_trimmed(rows))
        return self._by_length(rows)

    def embeddings(self) -> list[nn.Module]:
        """Return the layer of the tokens: places, and what was inserted, have embeddings of their own."""
        return [self.backbone.get_input_embeddings()]

    def set_gradient_checkpointing(self, on: bool) -> None:
        """Use the network's own checkpointing."""
        if on:
            recompute(self.backbone)

    def _features(self, rows: Tensor) -> Tensor:
        there = rows > 0
        ids = torch.where(there, rows - 1, torch.full_like(rows, self.pad))
        with warnings.catch_warnings():
            # peft hands a prefix on under a name that transformers will drop
            warnings.simplefilter("ignore", FutureWarning)
            layers = self.pooling == "layers"
            said = self.backbone(input_ids=ids, attention_mask=there.long(), output_hidden_states=layers)
        states = said.hidden_states if layers else (said.last_hidden_state,)
        if self.pooling == "cls":
            return self.dropout(states[0][:, self.before])  # type: ignore[no-any-return]
        seen = there[..., None].to(states[0].dtype)
        count = seen.sum(1).clamp(min=1)
        return self.dropout(torch.cat([(state[:, self.before :] * seen).sum(1) / count for state in states], dim=1))  # type: ignore[no-any-return]

    def _by_length(self, rows: Tensor) -> Tensor:
        """Compute rows of like lengths together, so that hardly any padding is computed."""
        order = (rows > 0).sum(1).argsort(descending=True)
        parts, start = [], 0
        while start < len(rows):
            longest = max(1, int((rows[order[start]] > 0).sum()))
            taken = order[start : start + max(1, PIECE // longest)]
            parts.append(self._features(rows[taken, :longest]))
            start += len(taken)
        return torch.cat(parts)[order.argsort()] if parts else rows.new_zeros((0, self.width), dtype=torch.float32)


def pretrained_encoder(spec: "Pretrained") -> PretrainedEncoder:
    """Return the network of a settled request, with its weights unless ``pretrained`` is false.

    Raises:
        ScitrainError: The weights cannot be had or are of another architecture.
    """
    if not spec.pretrained:
        encoder = blank_encoder(spec.config, spec.dropout, spec.pooling)
    else:
        pooling = _pooling(spec.pooling, spec.config)
        encoder = PretrainedEncoder(_load(spec.name, spec.config), most_tokens(spec.config), pooling, spec.dropout)
    encoder.insert(spec.adapter, spec.prompt, spec.prefix)
    return encoder


def blank_encoder(config: dict[str, JsonValue], dropout: float, pooling: str = "auto") -> PretrainedEncoder:
    """Return a network of an architecture with random weights."""
    return PretrainedEncoder(_blank(_config_object(config)), most_tokens(config), _pooling(pooling, config), dropout)


def _pooling(asked: str, config: dict[str, JsonValue]) -> str:
    return ("cls" if config.get(FIRST) else "mean") if asked == "auto" else asked


def _captured() -> bool:
    """Tell whether the network is being exported: then nothing may depend on the data."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]


def _trimmed(rows: Tensor) -> Tensor:
    """Cut a batch to its longest row."""
    return rows[:, : max(1, int((rows > 0).sum(1).max()))]


def read_config(name: str) -> dict[str, JsonValue]:
    """Return the architecture of a model of the hub, or of a local folder, as JSON.

    Raises:
        ScitrainError: It cannot be had, or is no encoder.
    """
    with come_from(name) as where:
        config = HF.AutoConfig.from_pretrained(name, **where)
        told = HF.utils.cached_file(name, POOLING, **QUIETLY, **where)
    if config.is_encoder_decoder or type(config) not in HF.AutoModel._model_mapping:
        raise ScitrainError(
            f"{name!r} is a model of type {config.model_type!r}, which is no encoder alone; family 'pretrained' takes BERT, RoBERTa, "
            f"ESM and their like, such as {KNOWN[0]!r}"
        )
    found: dict[str, JsonValue] = json.loads(config.to_json_string(use_diff=True))
    return {
        "model_type": config.model_type,
        **{k: v for k, v in found.items() if k not in ("auto_map", "_name_or_path")},
        **({FIRST: True} if told is not None and _first_token(name, Path(told)) else {}),
    }


def _first_token(name: str, file: Path) -> bool:
    """Tell whether the first token stands for a row, alone.

    Raises:
        ScitrainError: The file cannot be read.
    """
    try:
        said = dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ScitrainError(
            f"{POOLING} of {name!r} should say how its tokens are pooled, and is no JSON object ({error}); put it back as it was, or "
            "take it away, which pools by the mean"
        ) from error
    return [mode for mode, on in said.items() if mode.startswith("pooling_mode_") and on] == ["pooling_mode_cls_token"]


def read_tokenizer(name: str) -> tuple[str, int]:
    """Return the tokenizer of a model as JSON, and its number of ids.

    Raises:
        ScitrainError: It cannot be had, or has no form that works without Python code of its own.
    """
    with come_from(name) as where:
        found = HF.AutoTokenizer.from_pretrained(name, **where)
    if getattr(found, "is_fast", False):
        return str(found.backend_tokenizer.to_str()), len(found)
    return _letters(name, found), len(found)


def most_tokens(config: dict[str, JsonValue]) -> int:
    """Return how many tokens a network can place, those that frame a row included."""
    known = _config_object(config)
    places = int(getattr(known, "max_position_embeddings", 0) or MOST_TOKENS)
    # RoBERTa and ESM count places from behind the padding's id
    return places - (known.pad_token_id or 0) - 1 if known.pad_token_id else places


def _letters(name: str, slow: Any) -> str:  # noqa: ANN401 - a tokenizer of whichever class
    """Return a tokenizer of single letters, as ESM has it, that does what the slow one does.

    Raises:
        ScitrainError: The slow one does something else.
    """
    vocabulary = {str(token): int(i) for token, i in slow.get_vocab().items()}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=slow.unk_token))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    first, last = slow.cls_token, slow.eos_token or slow.sep_token
    frame = [(token, vocabulary[token]) for token in (first, last)]
    made.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=frame)
    letters = [token for token in vocabulary if len(token) == 1 and token.isalpha()]
    for text in ("".join(letters), "".join(reversed(letters)), letters[0] if letters else "A"):
        if made.encode(text).ids != slow(text)["input_ids"]:
            raise ScitrainError(
                f"the tokenizer of {name!r} ({type(slow).__name__}) has no tokenizer.json and needs code of its own; save it once "
                "with tokenizer.save_pretrained from a fast tokenizer"
            )
    return str(made.to_str())


def _load(name: str, config: dict[str, JsonValue]) -> nn.Module:
    """Build a network and fill in its weights, from safetensors or a file of tensors alone."""
    known = _config_object(config)
    with come_from(name) as where:
        try:
            network, report = HF.AutoModel._model_mapping[type(known)].from_pretrained(
                name, config=known, output_loading_info=True, dtype=torch.float32, **_no_pooler(known), **where
            )
        except (RuntimeError, ValueError) as error:
            raise ScitrainError(f"the weights of {name!r} cannot be taken: {error}") from error
    lacking = [key for key in report["missing_keys"] if not key.startswith("pooler.")]
    if lacking:
        extra = [key for key in report["unexpected_keys"] if not key.startswith(HEADS)]
        misfit(f"the weights of {name!r}", lacking, extra, [])
    return network  # type: ignore[no-any-return]


def _blank(config: Any) -> nn.Module:  # noqa: ANN401
    with quiet():
        found: nn.Module = HF.AutoModel.from_config(config, dtype=torch.float32, **_no_pooler(config))
    return found


def _no_pooler(config: Any) -> dict[str, bool]:  # noqa: ANN401
    """Leave out the layer behind the first token, which belongs to the head of the pretraining."""
    made = HF.AutoModel._model_mapping[type(config)]
    return {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(made.__init__).parameters else {}


def _config_object(config: dict[str, JsonValue]) -> Any:  # noqa: ANN401 - a configuration of whichever class
    known = dict(config)
    return HF.AutoConfig.for_model(known.pop("model_type"), **known)
