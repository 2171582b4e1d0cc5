"""GPT-2 with a place for conditions in front of the string; weights lie in folders that transformers reads by itself."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from scitrain.generation.forecast import Forecast

__all__ = ["IGNORED", "ConditionEncoder", "ConditionalGPT", "Heeded", "build_gpt", "load_gpt", "silent"]

CONDITIONS, FORECAST = "conditions.safetensors", "forecast.safetensors"
ATTENTION = "scitrain_sdpa"
IGNORED = -100
"""Target of a place that teaches nothing, as in torch's cross entropy."""
SHARE = 0.15
"""Of the loss of forecasts: at 1 the strings themselves are learned worse."""


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: object
) -> tuple[Tensor, None]:
    """Attend in float32 on a CPU: there torch's way back through bfloat16 attention takes ten times as long as all matrices.

    Shapes: (batch, heads, length, width of a head) → (batch, length, heads, width of a head).
    """
    kind = query.dtype
    dropout = float(options.get("dropout") or 0.0)  # type: ignore[arg-type]  # transformers hands a number
    causal = attention_mask is None and query.shape[2] > 1
    with torch.autocast(query.device.type, enabled=query.device.type != "cpu"):
        if query.device.type == "cpu":
            query, key, value = query.float(), key.float(), value.float()
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask, dropout_p=dropout, is_causal=causal
        )
    return out.transpose(1, 2).to(kind).contiguous(), None


AttentionInterface.register(ATTENTION, _attention)


class ConditionEncoder(nn.Module):
    """e = W₂ gelu(W₁ [z ⊙ m, m]): standardised properties z and which of them are given, as one embedding.

    With nothing given e is that of an unconditional model, which is learned by leaving conditions out at random
    (classifier-free guidance: Ho and Salimans, arXiv:2207.12598).
    """

    def __init__(self, properties: int, width: int) -> None:
        super().__init__()
        self.properties = properties
        self.inner = nn.Linear(2 * properties, width)
        self.outer = nn.Linear(width, width)

    def forward(self, values: Tensor) -> Tensor:
        """Return (batch, width) of standardised values (batch, properties), NaN where one is not given."""
        given = ~torch.isnan(values)
        told = torch.cat([torch.where(given, values, 0.0), given.to(values.dtype)], dim=-1)
        out: Tensor = self.outer(functional.gelu(self.inner(told)))
        return out


class Heeded(NamedTuple):
    """What a network may be asked for."""

    properties: int
    """Number of conditions."""
    forecasts: bool = False
    """Whether it also says what a string will come to."""


class ConditionalGPT(nn.Module):
    """P(string | properties) = ∏ₜ P(tokenₜ | e(properties), tokens before t), by GPT-2 (Radford et al. 2019).

    For molecules: Bagal et al., J. Chem. Inf. Model. 62, 2064 (2022), doi:10.1021/acs.jcim.1c00600. Without properties it is GPT-2 itself.
    With ``forecasts`` it also says, where it is told nothing, what a string will come to (`Forecast`).
    """

    def __init__(self, body: GPT2LMHeadModel, heeded: Heeded) -> None:
        super().__init__()
        self.body = body
        width, (properties, forecasts) = body.config.n_embd, heeded
        self.conditions = ConditionEncoder(properties, width) if properties else None
        self.forecast = Forecast(properties, width, body.config.vocab_size) if properties and forecasts else None

    @property
    def properties(self) -> int:
        """Number of properties that may be asked for."""
        return 0 if self.conditions is None else self.conditions.properties

    def embed(self, tokens: Tensor, values: Tensor | None) -> Tensor:
        """Return the embeddings (batch, [1 +] length, width), before places, of tokens (batch, length) and conditions."""
        words: Tensor = self.body.transformer.wte(tokens)
        if self.conditions is None or values is None:
            return words
        return torch.cat([self.conditions(values)[:, None].to(words.dtype), words], dim=1)

    def states(self, tokens: Tensor, values: Tensor | None) -> Tensor:
        """Return the last states (batch, length, width) after each token (batch, length)."""
        told = self.body.transformer(inputs_embeds=self.embed(tokens, values), use_cache=False).last_hidden_state
        found: Tensor = told[:, -tokens.shape[1] :]
        return found

    def forward(self, tokens: Tensor, values: Tensor | None = None) -> Tensor:
        """Return the logits (batch, length, vocabulary) of the token after each; places after the end may hold anything."""
        logits: Tensor = self.body.lm_head(self.states(tokens, values))
        return logits

    def loss(self, tokens: Tensor, values: Tensor | None, pad: int) -> Tensor:
        """Return the mean cross entropy, nats a token, of rows (batch, length) that begin with bos and end with eos, then ``pad``."""
        return self._loss(self.states(tokens[:, :-1], values), tokens[:, 1:], pad)

    def lesson(self, tokens: Tensor, told: Tensor, truth: Tensor, pad: int) -> Tensor:
        """Return what is minimised: nats a token, and a share of the forecasts' loss in the rows that are told nothing.

        Args:
            tokens: As in `loss`.
            told: Standardised conditions (batch, properties), NaN where one is hidden.
            truth: The same with none hidden.
            pad: Id of padding.
        """
        states, following = self.states(tokens[:, :-1], told), tokens[:, 1:]
        loss = self._loss(states, following, pad)
        untold = torch.isnan(told).all(dim=1)
        if self.forecast is None or not bool(untold.any()):
            return loss
        ours = following[untold]
        return loss + SHARE * self.forecast.loss(states[untold], ours, truth[untold], ours != pad)

    def _loss(self, states: Tensor, following: Tensor, pad: int) -> Tensor:
        logits = self.body.lm_head(states)
        target = following.masked_fill(following == pad, IGNORED)
        return functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=IGNORED)

    def save(self, folder: Path) -> None:
        """Write ``save_pretrained``'s files, and beside them the condition encoder and the forecasts."""
        with silent():
            self.body.save_pretrained(folder)
        for part, name in ((self.conditions, CONDITIONS), (self.forecast, FORECAST)):
            if part is not None:
                save_file({k: v.contiguous() for k, v in part.state_dict().items()}, folder / name)


def build_gpt(
    vocabulary: int,
    specials: tuple[int, int, int],
    length: int,
    size: tuple[int, int, int],
    heeded: Heeded,
    dropout: float,
) -> ConditionalGPT:
    """Build a network with random weights.

    Args:
        vocabulary: Number of tokens.
        specials: Ids of bos, eos and padding.
        length: Tokens of the longest string, with bos and eos.
        size: Layers, width, heads.
        heeded: What may be asked for.
        dropout: Of embeddings, attention and layers.
    """
    layers, width, heads = size
    bos, eos, pad = specials
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=length + 1,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=0.0,
        activation_function="gelu_pytorch_tanh",  # the same function as GPT-2's, in one kernel instead of eight
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
        initializer_range=1 / math.sqrt(width) / 2,
    )
    body = GPT2LMHeadModel(config)
    body.set_attn_implementation(ATTENTION)
    return ConditionalGPT(body, heeded)


def load_gpt(folder: Path, properties: int) -> ConditionalGPT:
    """Read what `ConditionalGPT.save` wrote."""
    with silent():
        body = GPT2LMHeadModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, attn_implementation=ATTENTION
        )
    model = ConditionalGPT(body, Heeded(properties, (folder / FORECAST).is_file()))
    for part, name in ((model.conditions, CONDITIONS), (model.forecast, FORECAST)):
        if part is not None:
            part.load_state_dict(load_file(folder / name))
    return model.eval()


@contextmanager
def silent() -> Iterator[None]:
    """Keep transformers' bars off the terminal."""
    before = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if before:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
