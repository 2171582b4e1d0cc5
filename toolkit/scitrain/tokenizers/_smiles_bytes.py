"""SMILES cut by numpy: a law of the tests says that the ids are those of the tokenizer, for every string."""

from collections.abc import Mapping, Sequence
from functools import cache

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
HINTS, HINT = "[lr@%<>" + LAST, 128
"""Bytes by which a longer token, or the end of a row, is found, and what is set in their codes; ids of single bytes end below."""
GONE = 255
"""Code of a byte that belongs to the token before it."""
ONES, HIGHS, CLOSING = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x5D5D5D5D5D5D5D5D)
SLOTS = 14
"""Bits of a place in the table of bracket atoms."""
FRAMES = tuple(
    (SPECIALS.index(first), SPECIALS.index(last)) for first, last in (("[CLS]", "[SEP]"), ("[BOS]", "[EOS]"))
)
UNREAD = -1
"""In that table: a special token, which the tokenizer takes out of a text before it looks at anything else."""


class Found:
    """What each hint led to, in the order of the hints, which is that of the tokens: nothing at first, so a size of one byte."""

    def __init__(self, hints: np.ndarray) -> None:
        self.hints = hints
        self.starts, self.sizes, self.ids = hints.copy(), np.ones(len(hints), np.int64), np.zeros(len(hints), np.int16)

    def put(self, at: np.ndarray, starts: np.ndarray, sizes: np.ndarray | int, ids: np.ndarray) -> None:
        """Note the tokens of some hints, ``at`` their numbers; an id of 0 is none."""
        good = ids != 0
        self.starts[at[good]], self.ids[at[good]] = starts[good], ids[good]
        self.sizes[at[good]] = sizes if isinstance(sizes, int) else sizes[good]


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
        self.ids = np.zeros(1 << SLOTS, dtype=np.int16)
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
        self.frame = frame
        single = {one: ids[one] for one in PRINTABLE} | {FIRST: frame[0], LAST: frame[1]}
        self.codes = bytearray(256)
        for one, code in single.items():
            self.codes[ord(one)] = code | (HINT if one in HINTS else 0)
        self.pairs = _pairs({text: ids[text] for text in ("Cl", "Br", "->", "<-", "@@")})
        self.symbols = _pairs({text: ids[text] for text in (*elements(), *AROMATIC) if text not in ("Cl", "Br")})
        self.classes = _pairs({text[1:]: ids[text] for text in CHIRAL if text != "@@"})
        self.closures = ids["%10"]

    def read(self, texts: Sequence[str]) -> Tokens | None:
        """Return the ids, int16; None where some text is not for this reader."""
        whole = f"{LAST}{FIRST}".join(["", *texts, "\0" * WORD])
        if not whole.isascii():
            return None
        raw = whole.encode("ascii")
        codes = np.frombuffer(bytearray(raw.translate(self.codes)), np.uint8)[:-WORD]
        found = self._found(raw, np.flatnonzero(codes >= HINT))
        codes &= HINT - 1
        framed = np.count_nonzero(codes == self.frame[0]) == np.count_nonzero(codes == self.frame[1]) == len(texts) + 1
        if not framed or not codes.all() or (found.ids == UNREAD).any():
            return None
        return self._rows(codes, found)

    def _found(self, raw: bytes, hints: np.ndarray) -> Found:
        """Return the tokens of more than one byte; none overlaps another."""
        text, found = np.frombuffer(raw, np.uint8), Found(hints)
        kinds = text[hints]
        self._brackets(raw, kinds, found)
        # what stands in a bracket atom that is one token is no token of its own
        kinds[np.maximum.accumulate(found.starts + found.sizes) > hints + 1] = 0
        bromine = _places(kinds, "r")
        if len(marks := _places(kinds, "@")):
            bromine = bromine[~np.isin(hints[bromine] - 1, self._turns(text, marks, found) + 2)]
        dative = _places(kinds, ">")
        dative = dative[text[hints[dative] - 2] != ord("<")]
        before, behind = np.concatenate([_places(kinds, "l"), bromine, dative]), _places(kinds, "<")
        for at, starts in ((before, hints[before] - 1), (behind, hints[behind])):
            found.put(at, starts, 2, _known(self.pairs, text, starts))
        rings = _places(kinds, "%")
        found.put(rings, hints[rings], 3, self._closures(text, hints[rings]))
        return found

    def _brackets(self, raw: bytes, kinds: np.ndarray, found: Found) -> None:
        """Note bracket atoms that are one token, and in the others symbols of two letters behind an isotope of up to three digits."""
        words: np.ndarray = np.ndarray((len(raw) - WORD + 1,), "<u8", raw, strides=(1,))
        at = _places(kinds, "[")
        ids, sizes = self.brackets.look_up(words[found.hints[at]])
        found.put(at, found.hints[at], sizes, ids)
        text, other = np.frombuffer(raw, np.uint8), at[ids == 0]
        starts = found.hints[other] + 1
        for _ in range(3):
            starts = starts + _digit(text[starts])
        found.put(other, starts, 2, _known(self.symbols, text, starts))

    def _turns(self, text: np.ndarray, marks: np.ndarray, found: Found) -> np.ndarray:
        """Note ``@@``, from the left in a row of marks, and the classes such as ``@TB``; return where a class begins."""
        numbers, places = np.arange(len(marks)), found.hints[marks]
        begins = np.diff(places, prepend=-2) != 1
        since = numbers - np.maximum.accumulate(np.where(begins, numbers, 0))
        at = marks[since % 2 == 0]
        starts = found.hints[at]
        classes = _known(self.classes, text, starts + 1)
        found.put(at, starts, 2, _known(self.pairs, text, starts))
        found.put(at, starts, 3, classes)
        begun: np.ndarray = starts[classes != 0]
        return begun

    def _closures(self, text: np.ndarray, marks: np.ndarray) -> np.ndarray:
        first, second = text[marks + 1], text[marks + 2]
        good = _digit(first) & (first != ord("0")) & _digit(second)
        number = (first - ord("0")).astype(np.int16) * 10 + (second - ord("0"))
        found: np.ndarray = np.where(good, number - 10 + self.closures, 0)
        return found

    def _rows(self, codes: np.ndarray, found: Found) -> Tokens:
        """Return the rows, each longer token being one id."""
        before = np.cumsum(found.sizes - 1) - (found.sizes - 1)
        longer = np.flatnonzero(found.sizes > 1)
        starts, sizes = found.starts[longer], found.sizes[longer]
        for behind in range(1, int(sizes.max(initial=1))):
            codes[starts[sizes > behind] + behind] = GONE
        flat = codes[codes != GONE].astype(np.int16)
        flat[starts - before[longer]] = found.ids[longer]
        last = codes[found.hints] == self.frame[1]
        ends = (found.hints - before)[last]
        # the first separator ends nothing, the last one begins nothing
        return Tokens(flat[1:-1], ends[1:])


def reader(tokenizer: PreTrainedTokenizerFast) -> Reader | None:
    """Return what reads as this tokenizer of SMILES does; None where vocabulary or frame are not those that are written here."""
    frame = tuple(tokenizer("")["input_ids"])
    return _reader(frame) if frame in FRAMES and tokenizer.get_vocab() == _vocabulary() else None


@cache
def _vocabulary() -> dict[str, int]:
    return {token: i for i, token in enumerate(dict.fromkeys([*SPECIALS, *tokens()]))}


@cache
def _reader(frame: tuple[int, int]) -> Reader:
    return Reader(_vocabulary(), frame)


def _pairs(ids: Mapping[str, int]) -> np.ndarray:
    """Return the id of each pair of bytes, int16 (65536,), 0 where it is none."""
    found = np.zeros(1 << 16, dtype=np.int16)
    for text, one in ids.items():
        found[(ord(text[0]) << 8) + ord(text[1])] = one
    return found


def _known(table: np.ndarray, text: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the ids of pairs of bytes, 0 where one is none."""
    found: np.ndarray = table[(text[starts].astype(np.int64) << 8) + text[starts + 1]]
    return found


def _places(kinds: np.ndarray, character: str) -> np.ndarray:
    return np.flatnonzero(kinds == ord(character))


def _digit(characters: np.ndarray) -> np.ndarray:
    found: np.ndarray = (characters >= ord("0")) & (characters <= ord("9"))
    return found
