"""What a language model is taught, as tokens."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scitrain.tokenizers import Tokens

__all__ = ["LONGEST", "Corpus", "padded"]

LONGEST = 512
"""Tokens of the longest string that is learned from."""


@dataclass(frozen=True)
class Corpus:
    """What a language model is taught."""

    tokens: Tokens
    values: np.ndarray
    """float32 (n, properties), standardised, NaN where a row has none."""
    train: np.ndarray
    """int64 rows."""
    val: np.ndarray
    """int64 rows, held out."""
    length: int
    """Tokens of the longest string."""


def padded(tokens: Tokens, rows: np.ndarray, pad: int) -> Tensor:
    """Return int64 (batch, longest) of some rows, filled up with ``pad`` behind."""
    found = tokens.chosen(rows)
    return torch.from_numpy(found.padded(int(found.lengths.max()), pad)).long()
