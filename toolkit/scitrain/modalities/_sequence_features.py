"""Proteins, DNA and RNA to arrays: one letter code is brought to one form, then letters at positions, shares of words, or tokens.

Self-contained (numpy), so that a bundle predicts with this very file.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

__all__ = ["ALPHABETS", "GAP", "PADDING", "UNKNOWN", "blocks", "featurise", "names", "tidy", "words_of"]

Options = Mapping[str, Any]
ALPHABETS = {"protein": "ACDEFGHIKLMNPQRSTVWY", "dna": "ACGT", "rna": "ACGU"}
AMBIGUOUS = {"protein": "XBZJUO", "dna": "NRYSWKMBDHV", "rna": "NRYSWKMBDHV"}
"""Letters for one of several residues, or for the rare selenocysteine (U) and pyrrolysine (O): read as unknown."""
UNKNOWN_LETTER = {"protein": "X", "dna": "N", "rna": "N"}
RESIDUE = {"protein": "residue", "dna": "base", "rna": "base"}
GAP = "-"
LONGEST = 100_000
MOST_UNKNOWN = 0.5
"""Share of unknown letters from which a sequence says too little."""
WORDS = {"protein": (1, 2), "dna": (1, 2, 3, 4), "rna": (1, 2, 3, 4)}
"""Lengths of the words whose shares describe a sequence that is aligned with no other."""
PADDING, UNKNOWN = 0, 1
_SPACE = re.compile(r"[\s\d]+")


def tidy(text: str, alphabet: str, gaps: str) -> tuple[str, str | None, str | None]:
    """Bring a sequence to capital letters of one alphabet.

    Args:
        text: As given; a FASTA header line (``>name``) is taken off.
        alphabet: ``protein``, ``dna`` or ``rna``.
        gaps: ``keep`` or ``remove``.

    Returns:
        The sequence, what is wrong with it or None, and what was changed or None.
    """
    changes: list[str] = []
    body = text.strip()
    if body.startswith(">"):
        body = body.partition("\n")[2]
        changes.append("removed the FASTA header")
    plain = _SPACE.sub("", body)
    if plain != body.strip():
        changes.append("removed spaces and numbers")
    upper = plain.upper()
    if upper != plain:
        changes.append("wrote lower-case letters in capitals")
    upper, more = _ends_and_gaps(upper.replace(".", GAP).replace("_", GAP), gaps)
    changes += more
    if alphabet != "protein":
        upper, more = _one_spelling(upper, alphabet)
        changes += more
    problem = _problem(upper, alphabet, gaps)
    if problem:
        return upper, problem, None
    known = _known(upper, alphabet)
    unsure = sum(a != b or a == UNKNOWN_LETTER[alphabet] for a, b in zip(upper, known, strict=True))
    if unsure:
        changes.append(
            f"{unsure} of {len(known)} letters are not known for sure, and read as {UNKNOWN_LETTER[alphabet]}"
        )
    return known, None, "; ".join(changes) or None


def _ends_and_gaps(text: str, gaps: str) -> tuple[str, list[str]]:
    """Take off the stop at the end, and gaps where they are not kept."""
    changes = []
    if text.endswith("*"):
        text = text.rstrip("*")
        changes.append("removed the stop * at the end")
    if gaps == "remove" and GAP in text:
        changes.append(f"removed {text.count(GAP)} gaps")
        text = text.replace(GAP, "")
    return text, changes


def _one_spelling(text: str, alphabet: str) -> tuple[str, list[str]]:
    old, new = ("U", "T") if alphabet == "dna" else ("T", "U")
    return text.replace(old, new), [f"read {old} as {new}"] if old in text else []


def _problem(text: str, alphabet: str, gaps: str) -> str | None:
    """Say what keeps a text in capitals from being a sequence."""
    if not text.replace(GAP, ""):
        return f"empty; expected a {alphabet} sequence such as {ALPHABETS[alphabet][:8]}"
    if len(text) > LONGEST:
        return f"has {len(text):,} letters; a sequence of at most {LONGEST:,} is read"
    allowed = set(ALPHABETS[alphabet] + AMBIGUOUS[alphabet] + (GAP if gaps == "keep" else ""))
    at = next((i for i, letter in enumerate(text) if letter not in allowed), None)
    if at is not None:
        return _strange(text[at], at + 1, alphabet)
    unknown = sum(letter in AMBIGUOUS[alphabet] for letter in text)
    few = unknown <= MOST_UNKNOWN * len(text)
    return (
        None
        if few
        else f"{unknown} of its {len(text)} letters are unknown ({UNKNOWN_LETTER[alphabet]}); the rest says too little"
    )


def _strange(letter: str, place: int, alphabet: str) -> str:
    if letter == "*":
        return f"has a stop * at position {place}, before its end; give the part that is translated"
    return f"has the letter {letter!r} at position {place}, which is no {RESIDUE[alphabet]} of {alphabet}"


def _known(text: str, alphabet: str) -> str:
    """Write each ambiguous letter as the unknown one."""
    return text.translate(str.maketrans(AMBIGUOUS[alphabet], UNKNOWN_LETTER[alphabet] * len(AMBIGUOUS[alphabet])))


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Turn sequences into the array that a network reads.

    Args:
        columns: Text by column name.
        options: ``column``, ``alphabet``, ``gaps``, ``output`` ``"vector"`` or ``"tokens"``, ``length``; where all have one
            length, ``template`` (the letter of each position that never varied, a space where it did) and, for a vector,
            ``letters`` (for each position that varied the letters seen in training).

    Returns:
        float32 (n, width) or int64 (n, tokens), and per row None or what is wrong with it, such a row being zero.
    """
    cells = columns[options["column"]]
    tokens = options["output"] == "tokens"
    width = _width(options)
    array = np.zeros((len(cells), width), dtype=np.int64 if tokens else np.float32)
    problems: list[str | None] = [None] * len(cells)
    words = None if tokens or options["template"] else {word: i for i, word in enumerate(words_of(options["alphabet"]))}
    for row, cell in enumerate(cells):
        text, problem, _ = tidy(cell, options["alphabet"], options["gaps"])
        problem = problem or _misfit(text, options)
        problems[row] = problem
        if problem:
            continue
        if tokens:
            ids = _ids(text, options)
            array[row, : len(ids)] = ids
        else:
            array[row] = _letters(text, options) if words is None else _shares(text, words, options)
    return array, problems


def _width(options: Options) -> int:
    if options["output"] == "tokens":
        return len(_varied(options)) if options["template"] else int(options["length"])
    if options["template"]:
        return sum(map(len, options["letters"]))
    return len(words_of(options["alphabet"])) + 1


def _varied(options: Options) -> list[int]:
    return [at for at, letter in enumerate(options["template"]) if letter == " "]


def _misfit(text: str, options: Options) -> str | None:
    """Say how a sequence differs from all that were learned from."""
    template, what = options["template"], RESIDUE[options["alphabet"]]
    if not template:
        if options["output"] == "tokens" and len(text) > options["length"]:
            return f"has {len(text)} {what}s; the network reads {options['length']}"
        return None
    if len(text) != len(template):
        return f"has {len(text)} {what}s where all sequences of the training have {len(template)}"
    for at, (own, usual) in enumerate(zip(text, template, strict=True)):
        if usual not in (" ", own):
            return f"has {own} at {what} {at + 1}, where all sequences of the training have {usual}: nothing was learned of that"
    return None


def _ids(text: str, options: Options) -> list[int]:
    symbols = ALPHABETS[options["alphabet"]] + GAP
    shown = [text[at] for at in _varied(options)] if options["template"] else text
    return [symbols.find(letter) + UNKNOWN + 1 if letter in symbols else UNKNOWN for letter in shown]


def _letters(text: str, options: Options) -> list[float]:
    """Return 1 for each letter at its position; a letter that the training did not show there has none."""
    return [
        float(text[at] == letter)
        for at, letters in zip(_varied(options), options["letters"], strict=True)
        for letter in letters
    ]


def words_of(alphabet: str) -> list[str]:
    """Return the words whose shares describe a sequence."""
    return ["".join(letters) for size in WORDS[alphabet] for letters in product(ALPHABETS[alphabet], repeat=size)]


def _shares(text: str, words: Mapping[str, int], options: Options) -> np.ndarray:
    """Return the share of each word among those of its length, and the logarithm of the length."""
    found = np.zeros(len(words) + 1, dtype=np.float64)
    for size in WORDS[options["alphabet"]]:
        number = max(1, len(text) - size + 1)
        for word, times in Counter(text[i : i + size] for i in range(len(text) - size + 1)).items():
            if word in words:
                found[words[word]] = times / number
    found[-1] = np.log(len(text))
    return found


def blocks(options: Options) -> dict[str, tuple[int, int]]:
    """Return the column ranges of the vector."""
    width = _width(options)
    return {"letters": (0, width)} if options["template"] else {"words": (0, width - 1), "extent": (width - 1, width)}


def names(options: Options) -> list[str]:
    """Return a name for each column of the vector, such as ``39A`` or ``share of AC``."""
    if options["template"]:
        pairs = zip(_varied(options), options["letters"], strict=True)
        return [f"{at + 1}{letter}" for at, letters in pairs for letter in letters]
    return [*(f"share of {word}" for word in words_of(options["alphabet"])), "log length"]
