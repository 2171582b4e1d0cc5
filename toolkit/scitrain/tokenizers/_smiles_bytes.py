"""SMILES cut by numpy: a law of the tests says that the ids are those of the tokenizer, for every string."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerFast

from scitrain.tokenizers._build import SPECIALS
from scitrain.tokenizers._smiles import AROMATIC, CHIRAL, PRINTABLE, WHOLE, elements, tokens
from scitrain.tokenizers._tokens import Tokens

__all__ = ["Reader", "reader"]

FIRST, LAST = "\x02", "\x03"
"""Stand for the tokens that frame a row, until ids are looked up."""
WORD = 8
"""Bytes of the longest bracket atom that is one token, so that one number tells it."""
GONE = 255
"""Code of a byte that belongs to the token before it; ids of single bytes end below."""
ONES, HIGHS, CLOSING = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x5D5D5D5D5D5D5D5D)
SLOTS = 14
"""Bits of a place in the table of bracket atoms."""
UNREAD = -1
"""In that table: a special token, which the tokenizer takes out of a text before it looks at anything else."""


class Longer(NamedTuple):
    """Tokens of more than one byte."""

    starts: np.ndarray
    sizes: np.ndarray
    """Bytes."""
    ids: np.ndarray


class Brackets:
    """Bracket atoms by their bytes: a table that a product with one odd number leads into without a collision."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        words = np.array([int.from_bytes(text.encode(), "little") for text in ids], dtype=np.uint64)
        rng = np.random.default_rng(0)
        self.factor = np.uint64(1)
        while len(np.unique(self._slot(words))) < len(words):
            self.factor = rng.integers(1, 2**64, dtype=np.uint64) | np.uint64(1)
        slots = self._slot(words)
        self.words = np.zeros(1 << SLOTS, dtype=np.uint64)
        self.ids = np.zeros(1 << SLOTS, dtype=np.int32)
        self.sizes = np.zeros(1 << SLOTS, dtype=np.int64)
        self.words[slots], self.ids[slots] = words, list(ids.values())
        self.sizes[slots] = [len(text) for text in ids]

    def _slot(self, words: np.ndarray) -> np.ndarray:
        return (words * self.factor) >> np.uint64(64 - SLOTS)

    def look_up(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ids and lengths of the atoms that eight bytes begin with; both 0 where they begin with none."""
        # the lowest bit that stays marks the first byte that is a closing bracket (Mycroft 1987)
        differ = words ^ CLOSING
        marks = (differ - ONES) & ~differ & HIGHS
        lowest = marks & (~marks + np.uint64(1))
        cut = words & (lowest ^ (lowest - np.uint64(1)))
        slots = self._slot(cut)
        known = (self.words[slots] == cut) & (marks != 0)
        return self.ids[slots] * known, self.sizes[slots] * known


class Reader:
    """Cuts texts of printable ASCII that spell no special token."""

    def __init__(self, ids: Mapping[str, int], frame: tuple[int, int]) -> None:
        self.brackets = Brackets(
            {f"[{inside}]": ids[f"[{inside}]"] for inside in WHOLE} | dict.fromkeys(SPECIALS, UNREAD)
        )
        self.codes = _table({**{one: ids[one] for one in PRINTABLE}, FIRST: frame[0], LAST: frame[1]})
        self.hints = _table(dict.fromkeys("[lr@%<>", 1))
        """Bytes by which a longer token is found."""
        self.pairs = _pairs({text: ids[text] for text in ("Cl", "Br", "->", "<-", "@@")})
        self.symbols = _pairs({text: ids[text] for text in (*elements(), *AROMATIC) if text not in ("Cl", "Br")})
        self.classes = _pairs({text[1:]: ids[text] for text in CHIRAL if text != "@@"})
        self.closures = ids["%10"]

    def read(self, texts: Sequence[str]) -> Tokens | None:
        """Return the ids; None where some text is not for this reader."""
        if not len(texts):
            return Tokens.of([])
        whole = f"{FIRST}{f'{LAST}{FIRST}'.join(texts)}{LAST}" + "\0" * WORD
        if not whole.isascii():
            return None
        raw = whole.encode("ascii")
        codes = np.frombuffer(bytearray(raw.translate(self.codes)), np.uint8)[:-WORD]
        longer = self._longer(raw)
        framed = raw.count(FIRST.encode()) == raw.count(LAST.encode()) == len(texts)
        if not framed or not codes.all() or (longer.ids == UNREAD).any():
            return None
        return _compressed(codes, longer, int(self.codes[ord(LAST)]))

    def _longer(self, raw: bytes) -> Longer:
        """Return the tokens of more than one byte, in any order; none overlaps another."""
        text = np.frombuffer(raw, np.uint8)
        hits = np.flatnonzero(np.frombuffer(raw.translate(self.hints), np.bool_))
        kinds = text[hits]
        opening = kinds == ord("[")
        opened = hits[opening]
        words: np.ndarray = np.ndarray((len(raw) - WORD + 1,), "<u8", raw, strides=(1,))
        ids, sizes = self.brackets.look_up(words[opened])
        # what stands in a bracket atom that is one token is no token of its own
        ends = np.zeros(len(hits), np.int64)
        ends[opening] = opened + sizes
        free = (np.maximum.accumulate(ends) <= hits) & ~opening
        places = {one: hits[free & (kinds == ord(one))] for one in "lr@%<>"}
        doubled = _doubled(places["@"])
        classes = _known(self.classes, text, doubled, doubled + 1, 3)
        bromine = places["r"] - 1
        if len(classes.starts):  # the B of @TB begins none
            bromine = np.setdiff1d(bromine, classes.starts + 2)
        dative = places[">"][text[places[">"] - 2] != ord("<")] - 1
        pairs = np.concatenate([places["l"] - 1, bromine, doubled, places["<"], dative])
        return _together(
            [
                Longer(opened[ids != 0], sizes[ids != 0], ids[ids != 0]),
                _known(self.pairs, text, pairs, pairs, 2),
                classes,
                self._elements(text, opened[ids == 0]),
                self._rings(text, places["%"]),
            ]
        )

    def _elements(self, text: np.ndarray, opened: np.ndarray) -> Longer:
        """Return the symbols of two letters behind ``[`` and an isotope of up to three digits."""
        at = opened + 1
        for _ in range(3):
            at = at + _digit(text[at])
        return _known(self.symbols, text, at, at, 2)

    def _rings(self, text: np.ndarray, marks: np.ndarray) -> Longer:
        first, second = text[marks + 1], text[marks + 2]
        good = _digit(first) & (first != ord("0")) & _digit(second)
        numbers = (first[good] - ord("0")).astype(np.int32) * 10 + (second[good] - ord("0"))
        return Longer(marks[good], np.full(len(numbers), 3), numbers - 10 + self.closures)


def reader(tokenizer: PreTrainedTokenizerFast) -> Reader | None:
    """Return what reads as this tokenizer of SMILES does; None where its vocabulary is not the one that is written here."""
    first = "[BOS]" if tokenizer("")["input_ids"][0] == SPECIALS.index("[BOS]") else "[CLS]"
    return _reader(first) if tokenizer.get_vocab() == _vocabulary() else None


@cache
def _vocabulary() -> dict[str, int]:
    return {token: i for i, token in enumerate(dict.fromkeys([*SPECIALS, *tokens()]))}


@cache
def _reader(first: str) -> Reader:
    last = {"[BOS]": "[EOS]", "[CLS]": "[SEP]"}[first]
    return Reader(_vocabulary(), (SPECIALS.index(first), SPECIALS.index(last)))


def _table(codes: Mapping[str, int]) -> bytes:
    """Return a code for each of 256 bytes, 0 where there is none."""
    found = bytearray(256)
    for character, code in codes.items():
        found[ord(character)] = code
    return bytes(found)


def _pairs(ids: Mapping[str, int]) -> np.ndarray:
    """Return the id of each pair of bytes, int32 (65536,), 0 where it is none."""
    found = np.zeros(1 << 16, dtype=np.int32)
    for text, one in ids.items():
        found[(ord(text[0]) << 8) + ord(text[1])] = one
    return found


def _known(table: np.ndarray, text: np.ndarray, starts: np.ndarray, pair: np.ndarray, size: int) -> Longer:
    """Return the tokens of ``size`` bytes at ``starts`` whose pair of bytes at ``pair`` is in a table."""
    ids = table[(text[pair].astype(np.int64) << 8) + text[pair + 1]]
    good = ids != 0
    return Longer(starts[good], np.full(int(good.sum()), size), ids[good])


def _doubled(marks: np.ndarray) -> np.ndarray:
    """Return the places at which ``@`` or ``@@`` begins: in a row of marks every second one, from the left."""
    numbers = np.arange(len(marks))
    begins = np.diff(marks, prepend=-2) != 1
    since = numbers - np.maximum.accumulate(np.where(begins, numbers, 0))
    found: np.ndarray = marks[since % 2 == 0]
    return found


def _digit(characters: np.ndarray) -> np.ndarray:
    found: np.ndarray = (characters >= ord("0")) & (characters <= ord("9"))
    return found


def _together(parts: Iterable[Longer]) -> Longer:
    return Longer(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _compressed(codes: np.ndarray, longer: Longer, last: int) -> Tokens:
    """Return the rows, each longer token being one id."""
    for behind in range(1, int(longer.sizes.max(initial=1))):
        codes[longer.starts[longer.sizes > behind] + behind] = GONE
    short = codes[codes != GONE]
    order = np.argsort(longer.starts)
    starts, sizes = longer.starts[order], longer.sizes[order]
    gone = np.cumsum(sizes - 1) - (sizes - 1)
    flat = short.astype(np.int32)
    flat[starts - gone] = longer.ids[order]
    return Tokens(flat, np.flatnonzero(short == last) + 1)
