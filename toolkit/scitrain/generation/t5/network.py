"""T5 of transformers: an encoder that reads a formula, a decoder that writes a text."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import T5Config, T5ForConditionalGeneration

from scitrain.generation.gpt import IGNORED, silent

__all__ = ["build_t5", "load_t5", "nats"]

MADE: Any = T5Config  # its own constructor does not name all that it takes


def build_t5(
    vocabulary: int, specials: tuple[int, int, int], size: tuple[int, int, int], dropout: float, seed: int
) -> T5ForConditionalGeneration:
    """Build a network with random weights: Raffel et al. 2020, arXiv:1910.10683, with gated units (T5 1.1).

    Args:
        vocabulary: Number of tokens.
        specials: Ids of bos, eos and padding.
        size: Layers of the encoder and of the decoder, width, heads.
        dropout: Of embeddings, attention and layers.
        seed: Of the weights.
    """
    layers, width, heads = size
    bos, eos, pad = specials
    config = MADE(
        vocab_size=vocabulary,
        d_model=width,
        d_kv=width // heads,
        d_ff=2 * width,
        num_layers=layers,
        num_decoder_layers=layers,
        num_heads=heads,
        dropout_rate=dropout,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=bos,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return T5ForConditionalGeneration(config)


def nats(model: T5ForConditionalGeneration, formulas: Tensor, texts: Tensor, pad: int) -> Tensor:
    """Return the mean cross entropy, nats a token, of texts (batch, length) given formulas (batch, length).

    Both begin with bos and end with eos, then ``pad``; the decoder begins with bos by itself.
    """
    labels = texts[:, 1:].masked_fill(texts[:, 1:] == pad, IGNORED)
    found: Tensor = model(input_ids=formulas, attention_mask=(formulas != pad).long(), labels=labels).loss
    return found


def load_t5(folder: Path) -> T5ForConditionalGeneration:
    """Read what ``save_pretrained`` wrote."""
    with silent():
        model = T5ForConditionalGeneration.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return cast(T5ForConditionalGeneration, model.train(False))
