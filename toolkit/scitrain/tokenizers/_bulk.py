"""Whole lists of texts to ids at once: what a corpus, a generator and a network's rows are made of.

transformers' own call makes an object of each text, which costs more than to cut it. SMILES are cut here by numpy in one
buffer of bytes, so that a text costs half a microsecond; whatever that does not cover goes through the tokenizer.
"""

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedTokenizerFast

from scitrain.tokenizers._build import SPECIALS, notation
from scitrain.tokenizers._smiles_bytes import Reader, reader
from scitrain.tokenizers._tokens import Tokens

__all__ = ["encode"]

BLOCK = 4_096
"""Texts cut at once: what a pass over them writes lies in the processor's cache for the next one."""


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> Tokens:
    """Return what ``tokenizer(texts)["input_ids"]`` would be, as one array."""
    fast = reader(tokenizer) if notation(tokenizer) == "smiles" else None
    if fast is None:
        return _by_itself(tokenizer, texts)
    return Tokens.stacked(
        [_block(tokenizer, fast, texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)]
    )


def _by_itself(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> Tokens:
    return Tokens.of(tokenizer(list(texts))["input_ids"] if len(texts) else [])


def _block(tokenizer: PreTrainedTokenizerFast, fast: Reader, texts: Sequence[str]) -> Tokens:
    found = fast.read(texts)
    return _apart(tokenizer, fast, texts) if found is None else found


def _apart(tokenizer: PreTrainedTokenizerFast, fast: Reader, texts: Sequence[str]) -> Tokens:
    """Return the ids where some texts are not for ``fast``: what is not printable ASCII, or spells a special token."""
    plain = np.array([text.isascii() and text.isprintable() and not _special(text) for text in texts])
    first, then = np.flatnonzero(plain), np.flatnonzero(~plain)
    quick = fast.read([texts[i] for i in first.tolist()])
    if quick is None:
        return _by_itself(tokenizer, texts)
    slow = _by_itself(tokenizer, [texts[i] for i in then.tolist()])
    return Tokens.stacked([quick, slow]).chosen(np.argsort(np.concatenate([first, then])))


def _special(text: str) -> bool:
    return any(name in text for name in SPECIALS)
