"""Texts, molecules and sequences to tokens by the tokenizer of a pretrained network; self-contained with the file that reads its cells."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would warn in every process forked from this one

import numpy as np
from tokenizers import Encoding, Tokenizer

__all__ = ["encoded", "featurise", "lengths"]

Options = Mapping[str, Any]
Read = tuple[str, str | None]
"""The text of a row, and None or what is wrong with it."""
FOLDERS = {"molecule_features": "chem"}
"""Where a file lies within scitrain that a bundle has beside this one; all others lie beside it anyway."""


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Cut each row into tokens.

    Args:
        columns: Text by column name.
        options: ``columns``, ``reads`` (``text``, ``smiles``, ``sequence``; with ``alphabet``), ``tokenizer`` (its JSON),
            ``length`` (tokens a row, those that frame it included; what is longer is cut).

    Returns:
        int64 (n, length): the network's own id + 1, 0 behind the end; per row None or what is wrong with it, such a row
        being zero.
    """
    rows = _rows(columns, options)
    array = np.zeros((len(rows), options["length"]), dtype=np.int64)
    tokenizer = _cutting(options)
    good = [row for row, (_, problem) in enumerate(rows) if problem is None]
    for row, encoded in zip(good, tokenizer.encode_batch_fast([rows[row][0] for row in good]), strict=True):
        array[row, : len(encoded.ids)] = np.asarray(encoded.ids) + 1
    return array, [problem for _, problem in rows]


def lengths(columns: Mapping[str, Sequence[str]], options: Options) -> np.ndarray:
    """Return how many tokens each row has before it is cut, int64 (n,)."""
    tokenizer = Tokenizer.from_str(options["tokenizer"])
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = _rows(columns, options)
    return np.array([len(e.ids) for e in tokenizer.encode_batch_fast([text for text, _ in rows])], dtype=np.int64)


def encoded(columns: Mapping[str, Sequence[str]], options: Options) -> list[tuple[str, Encoding]]:
    """Return the text of each row as it is read, and its tokens with their places in it."""
    texts = [text for text, _ in _rows(columns, options)]
    return list(zip(texts, _cutting(options).encode_batch(texts), strict=True))


def _cutting(options: Options) -> Tokenizer:
    tokenizer = Tokenizer.from_str(options["tokenizer"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(options["length"])
    return tokenizer


def _rows(columns: Mapping[str, Sequence[str]], options: Options) -> list[Read]:
    read = READERS[options["reads"]]
    return [read(cells, options) for cells in zip(*(columns[name] for name in options["columns"]), strict=True)]


def _text(cells: Iterable[str], options: Options) -> Read:
    found: Read = _beside("_text_tokens").joined(cells)
    return found


def _molecules(cells: Iterable[str], options: Options) -> Read:
    """Join the standard SMILES of a row by dots."""
    found = [_beside("molecule_features").standardise_one(cell) for cell in cells]
    wrong = [one.error for one in found if one.error]
    return (".".join(one.smiles or "" for one in found), None) if not wrong else ("", "; ".join(wrong))


def _sequence(cells: Iterable[str], options: Options) -> Read:
    text, problem, _ = _beside("_sequence_features").tidy(next(iter(cells)), options["alphabet"], "remove")
    return text, problem


READERS: Mapping[str, Callable[[Iterable[str], Options], Read]] = {
    "text": _text,
    "smiles": _molecules,
    "sequence": _sequence,
}


@cache
def _beside(name: str) -> ModuleType:
    """Load the file that reads cells: within scitrain from its own folder, in a bundle from that of this file."""
    here = Path(__file__)
    path = here.with_name(f"{name}.py")
    if not path.is_file():
        path = here.parents[1] / FOLDERS[name] / path.name
    alias = f"{__name__}.{name}"
    spec = importlib.util.spec_from_file_location(alias, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module
