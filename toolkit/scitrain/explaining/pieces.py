"""What the tokens of a pretrained network's own tokenizer are pieces of: words, letters, atoms; and which of them say nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tokenizers import Encoding, Tokenizer

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.modalities._pretrained_tokens import encoded
from scitrain.modalities.pretrained_tokens import PretrainedTokens

__all__ = ["Silent", "Unit", "silent", "smiles_pieces", "units"]

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
"""A word, a sign, or a single letter of a writing that parts no words."""
NEVER_SEEN = 1
"""Id that the tokenizers of scitrain give to what no training row had."""
MASKS, UNKNOWNS = ("[MASK]", "<mask>"), ("[UNK]", "<unk>")


@dataclass(frozen=True)
class Silent:
    """A row that says nothing: one token everywhere, but for those that stay as they are."""

    token: int = NEVER_SEEN
    kept: tuple[int, ...] = (0,)
    """Tokens that stay: padding, and what frames a row."""
    words: str = "tokens that were never seen"


@dataclass(frozen=True)
class Unit:
    """What a person reads as one."""

    name: str
    places: tuple[int, ...]
    """Of its tokens in the row."""


def silent(featuriser: Featuriser) -> Silent:
    """Return what stands for no information in rows of tokens: the mask that the network was pretrained with, else its unknown token.

    Of sequences it is the unknown token: ESM finds masked places by their id and not by their vector, so that no path leads there.
    """
    if not isinstance(featuriser, PretrainedTokens):
        return Silent()
    tokenizer = Tokenizer.from_str(featuriser.tokenizer)
    names = (*UNKNOWNS, *MASKS) if featuriser.reads == "sequence" else (*MASKS, *UNKNOWNS)
    found = [(name, i) for name in names if (i := tokenizer.token_to_id(name)) is not None]
    name, token = found[0] if found else (str(tokenizer.id_to_token(0)), 0)
    tokenizer.no_padding()
    return Silent(token + 1, (0, *(i + 1 for i in tokenizer.encode("").ids)), f"{name} at every place")


def units(featuriser: PretrainedTokens, columns: Columns) -> list[list[Unit]]:
    """Return the words of each text, the letters of a sequence, the pieces of a SMILES; without what frames a row."""
    rows = encoded({name: columns[name] for name in featuriser.columns}, featuriser.options())
    return [_units(text, _spans(found), featuriser.reads == "text") for text, found in rows]


def smiles_pieces(featuriser: PretrainedTokens, columns: Columns) -> list[dict[int, tuple[int, int]]]:
    """Return where each token of a row lies in its standard SMILES, from and to, by its place."""
    rows = encoded({name: columns[name] for name in featuriser.columns}, featuriser.options())
    return [_spans(found) for _, found in rows]


def _units(text: str, spans: Mapping[int, tuple[int, int]], words: bool) -> list[Unit]:
    if not words:
        return [Unit(text[start:end], (at,)) for at, (start, end) in spans.items()]
    begins = np.array([word.start() for word in WORD.finditer(text)])
    found: dict[int, list[int]] = {}
    for at, (_, end) in spans.items():  # by its last letter, for the first may be the space before
        found.setdefault(int(np.searchsorted(begins, end - 1, side="right")), []).append(at)
    return [Unit(text[spans[at[0]][0] : spans[at[-1]][1]].strip(), tuple(at)) for at in found.values()]


def _spans(found: Encoding) -> dict[int, tuple[int, int]]:
    return {at: (start, end) for at, (start, end) in enumerate(found.offsets) if end > start}
