"""Texts to pieces of words by a tokenizer that was trained on the spot; self-contained (numpy, tokenizers)."""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would warn in every process forked from this one

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

__all__ = ["featurise", "joined", "learn"]

Options = Mapping[str, Any]
LONGEST = 100_000
PADDING, UNKNOWN = "[PAD]", "[UNK]"
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


def learn(texts: Iterable[str], size: int) -> str:
    """Train byte-pair encoding (Sennrich et al. 2016, doi:10.18653/v1/P16-1162) and return the tokenizer as JSON."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[PADDING, UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(map(_plain, texts), trainer)
    return str(tokenizer.to_str())


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Cut each text into tokens.

    Args:
        columns: Text by column name.
        options: ``columns`` (joined by a space), ``tokenizer`` (its JSON), ``length`` (tokens a row; a longer text is cut).

    Returns:
        int64 (n, length), 0 behind the end and 1 where a piece was not seen in training; per row None or what is wrong with
        it, such a row being zero.
    """
    tokenizer = Tokenizer.from_str(options["tokenizer"])
    rows = [joined(cells) for cells in zip(*(columns[name] for name in options["columns"]), strict=True)]
    array = np.zeros((len(rows), options["length"]), dtype=np.int64)
    for row, encoded in enumerate(tokenizer.encode_batch_fast([text for text, _ in rows])):
        ids = encoded.ids[: options["length"]]
        array[row, : len(ids)] = ids
    return array, [problem for _, problem in rows]


def _plain(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", _CONTROL.sub("", text[:LONGEST]))).strip()


def joined(cells: Iterable[str]) -> tuple[str, str | None]:
    """Return the texts of a row as one; it is wrong only where none of them says anything."""
    found = [_plain(cell) for cell in cells]
    good = [text for text in found if any(letter.isalnum() for letter in text)]
    if good:
        return " ".join(good), None
    return "", "holds no word, only signs; expected words" if found[0] else "empty; expected a text"
