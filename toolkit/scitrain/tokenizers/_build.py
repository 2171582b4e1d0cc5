"""A vocabulary and a regular expression become a tokenizer of transformers."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would warn in every process forked from this one

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from scitrain.errors import ScitrainError

MADE: Any = PreTrainedTokenizerFast  # its own constructor has no types

__all__ = ["SPECIALS", "Unknown", "build", "decode", "load", "notation", "unknowns"]

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[BOS]", "[EOS]")
"""Ids 0…6 of every vocabulary here: an encoder frames a row by [CLS] … [SEP], a generator by [BOS] … [EOS]."""
NOTATION = "notation"
"""Entry of ``tokenizer_config.json`` that says what the texts are."""


@dataclass(frozen=True)
class Unknown:
    """A piece of a text that no token stands for."""

    text: str
    start: int
    """Index of its first character."""


def build(
    tokens: Iterable[str],
    pattern: str,
    noted: Mapping[str, str],
    generative: bool,
    spelled: Mapping[str, str] | None = None,
) -> PreTrainedTokenizerFast:
    """Return the tokenizer whose pieces are the matches of ``pattern``, each looked up whole.

    Args:
        tokens: What stands for a piece, from id 7 on.
        pattern: Regular expression (Oniguruma); its last branch has to be any one character, so that nothing is lost.
        noted: ``notation`` and what else `notation` shall read back from a saved folder.
        generative: Frame a row by [BOS] … [EOS] and not by [CLS] … [SEP].
        spelled: Characters that are replaced before anything else.
    """
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*SPECIALS, *tokens]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    if spelled:
        made.normalizer = normalizers.Sequence([normalizers.Replace(old, new) for old, new in spelled.items()])
    made.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    made.decoder = decoders.Fuse()
    first, last = ("[BOS]", "[EOS]") if generative else ("[CLS]", "[SEP]")
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B {last}",
        special_tokens=[(token, vocabulary[token]) for token in (first, last)],
    )
    found = MADE(
        tokenizer_object=made,
        **{f"{name[1:-1].lower()}_token": name for name in SPECIALS},
        clean_up_tokenization_spaces=False,
        **noted,
    )
    return cast(PreTrainedTokenizerFast, found)


def load(folder: str | Path) -> PreTrainedTokenizerFast:
    """Return a tokenizer that ``save_pretrained`` wrote; nothing is fetched.

    Raises:
        ScitrainError: The folder holds none.
    """
    path = Path(folder)
    if not (path / "tokenizer.json").is_file():
        raise ScitrainError(
            f"no tokenizer.json in {str(folder)!r}; expected a folder that tokenizer.save_pretrained wrote"
        )
    return cast(PreTrainedTokenizerFast, MADE.from_pretrained(str(path), local_files_only=True))


def notation(tokenizer: PreTrainedTokenizerFast) -> str | None:
    """Return ``smiles``, ``selfies``, ``composition/amounts`` or ``composition/repeated``; None for another's tokenizer."""
    said = tokenizer.init_kwargs.get(NOTATION)
    return str(said) if said else None


def decode(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int]) -> str:
    """Return the text of ids up to the end of the row, without what frames it; an unknown piece shows as [UNK].

    Whatever a network writes behind its first [EOS] or [SEP] is no part of the row.
    """
    ends = {tokenizer.eos_token_id, tokenizer.sep_token_id}
    silent = {tokenizer.convert_tokens_to_ids(name) for name in SPECIALS} - {tokenizer.unk_token_id}
    stop = next((at for at, one in enumerate(ids) if int(one) in ends), len(ids))
    return str(tokenizer.decode([int(one) for one in ids[:stop] if int(one) not in silent]))


def unknowns(tokenizer: PreTrainedTokenizerFast, text: str) -> list[Unknown]:
    """Return every piece of ``text`` that no token stands for, in order."""
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    places = zip(found["input_ids"], found["offset_mapping"], strict=True)
    return [Unknown(text[start:end], start) for one, (start, end) in places if one == tokenizer.unk_token_id]
