"""Networks of the family ``matbert``."""

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from scitrain.chem.formula_elements import FIRST_ELEMENT, UNIT
from scitrain.chem.formula_features import element_properties
from scitrain.models._bert import VOCABULARIES, architecture
from scitrain.models._element_statistics import ElementStatistics
from scitrain.models._encoder import Encoder
from scitrain.models._hugging import recompute
from scitrain.models._inserted import insert
from scitrain.weights import read_tensors, refuse_misfits

if TYPE_CHECKING:
    from scitrain.models.matbert import Matbert

__all__ = ["MatBert", "MatBertEncoder", "config_of"]

BERT: Any = BertForMaskedLM  # its methods have no types
ALONE = 256
"""Units of a network of the statistics alone."""
CLIP = 10.0
"""Standard deviations at which a statistic is cut, so that one strange formula cannot take over a prediction."""
SMALLEST = 1e-6
MET, PIECE = 20_000, 2_048
"""Training rows that mean and standard deviation are taken of; of more every k-th; and those in memory at once."""
WAVES = 10
"""Octaves of the Fourier features: from the whole range down to a five-hundredth of it."""


class Amounts(nn.Module):
    """e(f) = W [sin(2ᵏπ u), cos(2ᵏπ u)] for k = 0…9 and u = f and u = log₁₀(f) / 7, f being an atomic fraction."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(4 * WAVES, width)

    def forward(self, fractions: Tensor) -> Tensor:
        """Map (batch, elements) to (batch, elements, width)."""
        both = torch.stack([fractions, fractions.clamp(min=UNIT).log10() / 7], dim=-1)
        turns = both.unsqueeze(-1) * (math.pi * 2.0 ** torch.arange(WAVES, device=fractions.device))
        waves = torch.cat([turns.sin(), turns.cos()], dim=-1).flatten(-2)
        return self.mix(waves)  # type: ignore[no-any-return]


class Elements(nn.Module):
    """e(Z) = W p(Z), p being the standardised properties of an element; zero for what is no element."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        known = _properties(vocabulary)
        self.register_buffer("properties", known)
        self.mix = nn.Linear(known.shape[1], width, bias=False)

    properties: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (batch, elements) to (batch, elements, width)."""
        return self.mix(self.properties[ids])  # type: ignore[no-any-return]


class MatBert(BERT):  # type: ignore[misc]
    """BERT whose tokens are elements: embedding of the element ⊕ of its properties ⊕ of its fraction; all at one place.

    ``save_pretrained`` writes the two further embeddings beside BERT's own; transformers' BERT, which leaves them out, is another network.
    """

    bert: Any

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        # below the layers, so that whoever freezes or slows blocks from the top finds them where they belong
        self.bert.embeddings.amounts = Amounts(config.hidden_size)
        self.bert.embeddings.elements = Elements(config.vocab_size, config.hidden_size)
        self.bert.register_forward_pre_hook(_at_one_place, with_kwargs=True)
        self.before = 0
        """Learned vectors before the elements."""

    def insert(self, adapter: int, prompt: int, prefix: int) -> None:
        """Put small parts that are trained into the network, each 0 for none; prompts stand at the one place where elements do."""
        self.bert = insert(self.bert, adapter, prompt, prefix)
        self.bert.requires_grad_(True)  # peft froze it; a strategy decides what learns
        self.before += prompt

    def states(self, ids: Tensor, fractions: Tensor, seen: Tensor | None = None) -> Tensor:
        """Map ids (batch, elements), 0 padding, and atomic fractions of the same shape to (batch, elements, width).

        ``seen`` (batch, 1, elements, elements) says which places each place sees; None: all that are no padding.
        """
        parts: Any = self.bert.embeddings
        read = parts.word_embeddings(ids) + parts.elements(ids) + parts.amounts(fractions)
        with warnings.catch_warnings():
            # peft hands a prefix on under a name that transformers will drop
            warnings.simplefilter("ignore", FutureWarning)
            found = self.bert(inputs_embeds=read, attention_mask=(ids > 0).long() if seen is None else seen)
        states: Tensor = found.last_hidden_state[:, self.before :]
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Return what stands at each place, by token: (…, width) to (…, vocabulary)."""
        return self.cls(states)  # type: ignore[no-any-return]


class Beside(nn.Module):
    """f = GELU(W₂ dropout(GELU(W₁ z))) of the standardised statistics of a formula's elements: what a network of the family `mlp` reads.

    z = clip((s − mean) / std, ±10), with mean and std of the training rows.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, vocabulary: int, width: int, dropout: float) -> None:
        super().__init__()
        self.statistics = ElementStatistics(vocabulary)
        self.register_buffer("shift", torch.zeros(self.statistics.width))
        self.register_buffer("scale", torch.ones(self.statistics.width))
        self.first, self.second = nn.Linear(self.statistics.width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, fractions: Tensor) -> Tensor:
        """Map ids and fractions (batch, elements) to (batch, width)."""
        standard = ((self.statistics(ids, fractions) - self.shift) * self.scale).clamp(-CLIP, CLIP)
        return functional.gelu(self.second(self.dropout(functional.gelu(self.first(standard)))))

    def meet(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn mean and standard deviation; of columns that are one value nothing is read."""
        some = torch.from_numpy(np.ascontiguousarray(rows[chosen[:: -(-len(chosen) // MET)]]))
        pieces = (some[at : at + PIECE].to(self.shift.device).chunk(2, dim=1) for at in range(0, len(some), PIECE))
        found = torch.cat([self.statistics(ids, units * UNIT) for ids, units in pieces])
        std = found.std(0, correction=0)
        self.shift.copy_(found.mean(0))
        self.scale.copy_(torch.where(std > SMALLEST, 1 / std, 0.0))


class MatBertEncoder(Encoder):
    """Mean of the states over the elements ⊕ mean weighted by their fractions ⊕ what `Beside` makes of statistics, behind dropout."""

    sorts = True
    reads = "tokens"

    def __init__(self, spec: "Matbert") -> None:
        super().__init__()
        config = spec.config or architecture("composition", spec.size, spec.dropout)
        whole = MatBert(config_of(config, spec.dropout))
        if spec.weights is not None:
            _fill(whole, Path(spec.weights))
        whole.cls = nn.Identity()  # the head of the pretraining
        self.backbone = whole
        width = 2 * int(whole.config.hidden_size)
        both = spec.element_features == "beside"
        self.beside = Beside(whole.config.vocab_size, width, 2 * spec.dropout) if both else None
        self.width = width if self.beside is None else 2 * width
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, 2 × elements), ids and then fractions in units of 1e-7, to (batch, width)."""
        ids, units = rows.chunk(2, dim=1)
        if not (torch.compiler.is_compiling() or torch.jit.is_tracing()):  # type: ignore[attr-defined, no-untyped-call]
            longest = max(1, int((ids > 0).sum(1).max())) if len(ids) else 1
            ids, units = ids[:, :longest], units[:, :longest]
        fractions = units * UNIT
        found = pooled(self.backbone.states(ids, fractions), ids, fractions)
        if self.beside is not None:
            found = torch.cat([found, self.beside(ids, fractions)], dim=1)
        out: Tensor = self.dropout(found)
        return out

    def meet(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn the spread of the statistics."""
        if self.beside is not None:
            self.beside.meet(rows, chosen)

    def set_gradient_checkpointing(self, on: bool) -> None:
        """Use the network's own checkpointing."""
        if on:
            recompute(self.backbone)

    def insert(self, adapter: int, prompt: int, prefix: int) -> None:
        """Put small parts that are trained into the network, each 0 for none."""
        self.backbone.insert(adapter, prompt, prefix)
        # transformers forgets keys put before others where it recomputes
        self.recomputes = self.recomputes and not prefix


class StatisticsEncoder(Encoder):
    """What `Beside` makes of the statistics, behind dropout: no Transformer, and a fraction of its work."""

    recomputes = False
    reads = "element statistics alone"

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.width = ALONE
        self.beside = Beside(VOCABULARIES["composition"], ALONE, 2 * dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, 2 × elements), ids and then fractions in units of 1e-7, to (batch, width)."""
        ids, units = rows.chunk(2, dim=1)
        out: Tensor = self.dropout(self.beside(ids, units * UNIT))
        return out

    def meet(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn the spread of the statistics."""
        self.beside.meet(rows, chosen)


def _at_one_place(
    _: nn.Module, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Let whatever is read stand at place 0: peft counts places from where its own vectors end, and drops those it is given."""
    read: Tensor = options["inputs_embeds"]
    return args, options | {"position_ids": torch.zeros(read.shape[:2], dtype=torch.long, device=read.device)}


def pooled(states: Tensor, ids: Tensor, fractions: Tensor) -> Tensor:
    """Return (batch, 2 × width): the mean over what is there, and the mean weighted by fractions."""
    there = (ids > 0).unsqueeze(-1).to(states.dtype)
    mean = (states * there).sum(1) / there.sum(1).clamp(min=1)
    weight = fractions.unsqueeze(-1).to(states.dtype) * there
    return torch.cat([mean, (states * weight).sum(1) / weight.sum(1).clamp(min=UNIT)], dim=1)


def config_of(config: dict[str, JsonValue], dropout: float | None = None) -> BertConfig:
    """Return a configuration object, with another dropout where given."""
    known = {name: value for name, value in config.items() if name != "model_type"}
    if dropout is not None:
        known |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    made: Any = BertConfig
    return made(**known)  # type: ignore[no-any-return]


def _properties(vocabulary: int) -> Tensor:
    """Return standardised element properties by token id, (vocabulary, n_properties); zero for what is no element."""
    values = torch.from_numpy(element_properties()[2]).float()
    values = (values - values.mean(0)) / values.std(0).clamp(min=1e-6)
    found = torch.zeros(vocabulary, values.shape[1])
    found[FIRST_ELEMENT : FIRST_ELEMENT + len(values)] = values.clamp(-4, 4)
    return found


def _fill(network: MatBert, folder: Path) -> None:
    """Load the weights that ``save_pretrained`` wrote.

    Raises:
        ScitrainError: They are of another architecture.
    """
    stored = read_tensors(folder / "model.safetensors")
    wanted = {
        name: value for name, value in network.state_dict().items() if name in stored or not name.startswith("cls.")
    }
    shapes = [{name: tuple(value.shape) for name, value in state.items()} for state in (wanted, stored)]
    refuse_misfits(f"the weights in {str(folder)!r}", shapes[0], shapes[1])
    network.load_state_dict(stored, strict=False)
