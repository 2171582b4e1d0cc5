"""Proteins, DNA and RNA in one-letter code."""

import re
from collections import Counter
from collections.abc import Sequence as Cells
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import DataError
from scitrain.modalities._chunks import featurise_in_processes, only_rows

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Sequence", "SequenceLetters", "SequenceTokens"]

Alphabet = Literal["protein", "dna", "rna"]
ROWS = 4096
SAMPLE = 200
READABLE = 0.8
"""Smallest share of the values that must be sequences; the rest may be mistakes to report."""
SHORTEST, SHORTEST_NAMED = 12, 4
"""Mean letters of a column of sequences, and of one whose name says so."""
KINDS = {"protein": 10, "dna": 3, "rna": 3}
"""Different letters that a column must show."""
MOST_TOKENS = 2048
MOST_LETTERS = 8192
"""Widest description by letters at positions; beyond it the shares of words serve."""
NO_ATOMS = set("ADEGHKLMQRTVWY")
"""Residues that are no atom of a SMILES."""
NO_CODES = "EFILPQJOXZ"
"""Letters of proteins that are no IUPAC code of a base, or of several."""
SURE, LIKELY = 0.95, 0.7
"""Share of A, C, G, T, U, N from which letters are bases: where such a letter occurs, and where none does."""
DISGUISED = 12
"""Letters from which a protein of A, C, G, T, N alone is taken for a gene."""
_NAMED = re.compile(r"sequence|protein|peptide|(^|_)(seq|dna|rna|aa|fasta)($|_)", re.IGNORECASE)
LOOKS_LIKE_DNA = "has only letters of bases among proteins, and is read as a protein: translate it if it is DNA"
_LETTERS = re.compile(r"[A-Za-z*.\-]+")


class _Learned(Featuriser):
    """What both forms share."""

    requirements: ClassVar[tuple[str, ...]] = ()

    column: str
    """Column of sequences."""
    alphabet: Alphabet
    gaps: Literal["keep", "remove"]
    """Whether a gap is a letter, as in aligned sequences."""
    template: str
    """Where all sequences have one length: the letter of each position that never varies, a space where it does; else empty."""
    length: int
    """Letters a row; a longer sequence is refused."""

    def module(self) -> Path:
        """Return the file that reads sequences."""
        return Path(__file__).with_name("_sequence_features.py")

    def options(self) -> dict[str, object]:
        """Return what was learned."""
        return self.model_dump(mode="json", exclude={"kind"}) | {"output": self.output}

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, width) or int64 (n, tokens)."""
        from scitrain.modalities._sequence_features import featurise

        return featurise_in_processes(featurise, {self.column: columns[self.column]}, self.options(), ROWS, tick)

    def reason(self) -> str:
        """Return how a sequence is described, and why."""
        if not self.template:
            return f"{self.alphabet} sequences of different lengths, or too varied to be compared position by position"
        at = [str(i + 1) for i, letter in enumerate(self.template) if letter == " "]
        shown = ", ".join(at[:12]) + (" …" if len(at) > 12 else "")
        return f"all have {len(self.template)} letters and differ at {len(at)} positions ({shown}), which are all that is read"


class SequenceLetters(_Learned):
    """x = one-hot letters at the positions that vary; for sequences of different lengths the shares of words ⊕ log length."""

    output: ClassVar[InputKind] = "vector"

    kind: Literal["sequence_letters"] = "sequence_letters"
    letters: tuple[str, ...]
    """The letters that the training rows show at each varied position."""

    def shape(self) -> InputShape:
        """Return a vector of letters, or of words and length."""
        from scitrain.modalities._sequence_features import blocks

        found = blocks(self.options())
        return InputShape("vector", (max(end for _, end in found.values()),), blocks=found)

    def names(self) -> tuple[str, ...]:
        """Return names such as ``39A``."""
        from scitrain.modalities._sequence_features import names

        return tuple(names(self.options()))


class SequenceTokens(_Learned):
    """x = a number for each letter, of the varied positions alone where all have one length; 0 pads, 1 is unknown."""

    output: ClassVar[InputKind] = "tokens"

    kind: Literal["sequence_tokens"] = "sequence_tokens"

    def shape(self) -> InputShape:
        """Return a row of letters."""
        from scitrain.modalities._sequence_features import ALPHABETS

        length = self.template.count(" ") if self.template else self.length
        return InputShape("tokens", (length,), vocabulary=len(ALPHABETS[self.alphabet]) + 3)


class Sequence(Modality):
    """A column of proteins, DNA or RNA; a gap, a stop at the end, lower case and ambiguous letters are brought to one form."""

    name: ClassVar[str] = "sequence"
    default_split: ClassVar[str] = "cluster"
    default_split_reason: ClassVar[str] = (
        "sequences that share most of their words are of one family; a random split would test on near copies of training rows"
    )
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector", "tokens")

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find the column whose values are sequences, by its letters and, for short ones, by its name."""
        found = {name: seen for name, cells in columns.items() if (seen := _look(name, cells))}
        if not found:
            return None
        best = max(found, key=lambda name: found[name][0])
        confidence, alphabet, share = found[best]
        return Recognition((best,), confidence, f"{share:.0%} of the values of {best} are {alphabet} sequences")

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Write every sequence in capitals; a missing one, an inner stop or a strange letter is the row's error."""
        from scitrain.modalities._sequence_features import tidy

        name, cells = _only(columns)
        alphabet, gaps = alphabet_of(cells), _gaps(cells)
        done: list[str] = []
        errors: dict[int, str] = {}
        changes: dict[int, str] = {}
        for row, cell in enumerate(cells):
            text, problem, change = tidy(cell, alphabet, gaps)
            done.append(cell if problem else text)
            gene = alphabet == "protein" and len(text) >= DISGUISED and set(text) <= set("ACGTUN")
            change = "; ".join(filter(None, [change, LOOKS_LIKE_DNA if gene else ""]))
            if problem:
                errors[row] = problem
            elif change:
                changes[row] = change
        if tick is not None:
            tick(len(cells), len(cells))
        return Cleaned({name: done}, errors, changes)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Find the positions that vary, and in the training rows the letters that stand there.

        Positions come from all rows (which tells a network nothing about labels), so that none is refused later.
        """
        name, cells = _only(columns)
        lengths = {len(cell) for cell in cells}
        alphabet = alphabet_of(cells)
        template = _template(cells) if len(lengths) == 1 else ""
        letters = _letters_at(template, list(only_rows(cells, train)), alphabet) if template else ()
        if sum(map(len, letters)) > MOST_LETTERS or not template.count(" "):
            template, letters = "", ()
        gaps = "keep" if any("-" in cell for cell in cells) else "remove"
        learned = {"column": name, "alphabet": alphabet, "gaps": gaps, "template": template}
        longest = max(lengths, default=1)
        if kind == "tokens":
            if not template and longest > MOST_TOKENS:
                raise DataError(
                    f"the longest sequence has {longest:,} letters; a network of tokens reads at most {MOST_TOKENS:,}: take "
                    "model='mlp', which reads shares of words, or cut the sequences"
                )
            return SequenceTokens.model_validate(learned | {"length": longest})
        return SequenceLetters.model_validate(learned | {"length": longest, "letters": letters})

    def groups(self, columns: Columns, split: str) -> Cells[str] | None:
        """Return the family of each sequence; None for other splits."""
        if split != "cluster":
            return None
        from scitrain.modalities._sequence_clusters import clusters

        _, cells = _only(columns)
        return clusters(list(cells), alphabet_of(cells))


def alphabet_of(cells: Cells[str]) -> Alphabet:
    """Return what a column of sequences is written in, by the share of its letters; DNA beside RNA is what most of it is."""
    counted = Counter("".join(cell[:2000] for cell in list(cells[:2000])).upper())
    total = sum(times for letter, times in counted.items() if letter.isalpha()) or 1
    bases = sum(counted[letter] for letter in "ACGTUN")
    some_residue = any(counted[letter] for letter in NO_CODES)
    if bases < (SURE if some_residue or total < SAMPLE else LIKELY) * total:
        return "protein"
    return "rna" if counted["U"] > counted["T"] else "dna"


def _only(columns: Columns) -> tuple[str, Cells[str]]:
    """Return the one column of sequences.

    Raises:
        DataError: There are several.
    """
    if len(columns) != 1:
        raise DataError(f"sequences are read from one column; given {', '.join(columns)}: name one with `inputs`")
    return next(iter(columns.items()))


def _gaps(cells: Cells[str]) -> Literal["keep", "remove"]:
    """Keep gaps where they make all sequences equally long."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    aligned = len({len(cell) for cell in filled}) == 1 and any("-" in cell or "." in cell for cell in filled)
    return "keep" if aligned else "remove"


def _look(name: str, cells: Cells[str]) -> tuple[float, Alphabet, float] | None:
    """Return how sure it is that a column holds sequences, of what, and which share of it; None where it does not."""
    from scitrain.modalities._sequence_features import ALPHABETS, tidy

    sample = [text for text in dict.fromkeys(cell.strip() for cell in cells) if text][:SAMPLE]
    named = _NAMED.search(name) is not None
    if not sample or sum(map(len, sample)) < (SHORTEST_NAMED if named else SHORTEST) * len(sample):
        return None
    alphabet = alphabet_of(sample)
    shaped = [text for text in sample if _LETTERS.fullmatch(text) and (named or text.isupper())]
    good = [text for text in shaped if tidy(text, alphabet, "keep")[1] is None]
    letters = set("".join(good).upper()) & set(ALPHABETS[alphabet])
    told = alphabet != "protein" or len(letters & NO_ATOMS) >= 3
    if len(good) < READABLE * len(sample) or len(letters) < KINDS[alphabet] or not told:
        return None
    return (0.96 if named else 0.93), alphabet, len(good) / len(sample)


def _template(cells: Cells[str]) -> str:
    """Return the letter of each position that never varies, and a space where it does."""
    import numpy as np

    table = np.array([list(cell) for cell in cells])
    same = (table == table[0]).all(axis=0)
    return "".join(letter if fixed else " " for letter, fixed in zip(table[0], same, strict=True))


def _letters_at(template: str, cells: Cells[str], alphabet: Alphabet) -> tuple[str, ...]:
    """Return the letters that training rows show at each varied position."""
    from scitrain.modalities._sequence_features import ALPHABETS, GAP

    allowed = set(ALPHABETS[alphabet] + GAP)
    return tuple(
        "".join(sorted({cell[at] for cell in cells} & allowed)) for at, letter in enumerate(template) if letter == " "
    )
