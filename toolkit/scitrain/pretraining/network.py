"""A Transformer with the heads that its pretraining needs."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertForMaskedLM

from scitrain.chem.formula_elements import UNIT
from scitrain.models._bert import Size, architecture
from scitrain.models._hugging import quiet, recompute
from scitrain.models._matbert import MatBert, config_of, pooled
from scitrain.pretraining.corpus import Notation
from scitrain.tokenizers import composition, smiles

__all__ = ["Pretraining"]

BERT: Any = BertForMaskedLM
PROJECTED = 64
"""Width in which two views are compared."""


class Pretraining(nn.Module):
    """States of the tokens, what stood at a hidden place, a vector of the row, properties.

    Rows are (batch, length) ids, for compositions followed by as many fractions in units of 1e-7; 0 pads.
    """

    def __init__(self, notation: Notation, size: Size, targets: int) -> None:
        super().__init__()
        self.notation = notation
        config = config_of(architecture(notation, size))
        self.body: Any = MatBert(config) if notation == "composition" else BERT(config)
        width = int(config.hidden_size) * (2 if notation == "composition" else 1)
        self.project = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, PROJECTED))
        self.properties = nn.Linear(width, max(1, targets))

    def ids(self, rows: Tensor) -> Tensor:
        """Return the tokens of rows, cut to the longest."""
        ids = rows.chunk(2, dim=1)[0] if self.notation == "composition" else rows
        return ids[:, : max(1, int((ids > 0).sum(1).max()))]

    def states(self, rows: Tensor, ids: Tensor | None = None, causal: bool = False) -> Tensor:
        """Return (batch, length, width), with ``ids`` in place of those of the rows where given.

        With ``causal`` a place sees itself and those before it alone; one network learns both ways, as UniLM does (Dong et al. 2019,
        arXiv:1905.03197).
        """
        own = self.ids(rows)
        read = own if ids is None else ids
        length = own.shape[1]
        # padding lies behind all tokens: none of them sees it
        seen = (
            torch.ones(length, length, dtype=torch.bool, device=own.device).tril().expand(len(own), 1, -1, -1)
            if causal
            else None
        )
        if self.notation == "composition":
            states: Tensor = self.body.states(read, self.fractions(rows, length), seen)
        else:
            mask = (own > 0).long() if seen is None else seen
            states = self.body.bert(input_ids=read, attention_mask=mask).last_hidden_state
        return states

    def fractions(self, rows: Tensor, length: int) -> Tensor:
        """Return the atomic fractions (batch, length)."""
        return rows.chunk(2, dim=1)[1][:, :length] * UNIT

    def pooled(self, rows: Tensor, states: Tensor) -> Tensor:
        """Return a vector a row: as the encoder that is fine-tuned has it."""
        ids = self.ids(rows)
        if self.notation == "composition":
            return pooled(states, ids, self.fractions(rows, ids.shape[1]))
        there = (ids > 0).unsqueeze(-1).to(states.dtype)
        return (states * there).sum(1) / there.sum(1).clamp(min=1)

    def vectors(self, rows: Tensor) -> Tensor:
        """Return a vector a row, (batch, width), of whole rows."""
        return self.pooled(rows, self.states(rows))

    def recompute(self) -> None:
        """Keep only what lies between the layers while learning, and compute the rest once more on the way back."""
        recompute(self.body)

    def tokens(self, states: Tensor) -> Tensor:
        """Return logits of the vocabulary for states (…, width)."""
        return self.body.cls(states)  # type: ignore[no-any-return]

    def save(self, folder: Path) -> None:
        """Write configuration, weights (safetensors) and tokenizer as transformers lays them out."""
        with quiet():
            self.body.save_pretrained(folder)
            tokenizer = composition("repeated") if self.notation == "composition" else smiles()
            # whoever truncates by it hands the network no more than it has places for
            tokenizer.model_max_length = self.body.config.max_position_embeddings
            tokenizer.save_pretrained(folder)

    def check_save(self, folder: Path) -> float:
        """Read the folder back and return the largest difference of any weight."""
        with quiet():
            again = type(self.body).from_pretrained(folder)
        pairs = zip(self.body.state_dict().values(), again.state_dict().values(), strict=True)
        return max(float((one.cpu().float() - other.float()).abs().max()) for one, other in pairs if one.numel())


def batch_of(rows: Tensor, device: str) -> Tensor:
    """Return rows of int32 as the network reads them."""
    return rows.to(torch.int64).to(device)
