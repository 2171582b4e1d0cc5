"""Texts: sentences, abstracts, descriptions, remarks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import DataError
from scitrain.modalities._chunks import featurise_in_chunks, only_rows

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Text", "TextTerms", "TextTokens"]

ROWS = 2048
PROSE = 60
"""Mean characters from which cells are prose."""
DIFFERENT = 0.5
"""Share of the texts that must be different: remarks that repeat are categories."""
TERMS = 4096
"""Most terms that describe a text."""
VOCABULARY = 8000
"""Most pieces that the tokenizer learns."""
LONGEST = 512
"""Most tokens of a text that a network reads."""
COVERED = 0.98
"""Share of the training texts that the length holds whole."""
SPACED = 0.05
"""Share of spaces from which a writing parts its words by them."""


class TextTerms(Featuriser):
    """x = (1 + ln tf) · idf of words and pairs of words (pairs and triples of characters in a writing without spaces)."""

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["text_terms"] = "text_terms"
    columns: tuple[str, ...]
    """Columns of text, joined."""
    unit: Literal["words", "characters"]
    terms: tuple[str, ...]
    """Terms of the training texts, the commonest first."""
    weights: tuple[float, ...]
    """Inverse document frequency of each."""

    def module(self) -> Path:
        """Return the file that counts terms."""
        return Path(__file__).with_name("_text_features.py")

    def options(self) -> dict[str, object]:
        """Return columns, terms and weights."""
        return self.model_dump(mode="json", exclude={"kind"})

    def shape(self) -> InputShape:
        """Return a vector of sparse weights."""
        width = max(len(self.terms), 1)
        return InputShape("vector", (width,), blocks={"counts": (0, width)})

    def names(self) -> tuple[str, ...]:
        """Return the terms."""
        return self.terms or ("nothing",)

    def reason(self) -> str:
        """Return how a text is described."""
        return f"{len(self.terms):,} {self.unit} and groups of them that at least two training texts share, weighed by rarity"

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, terms)."""
        from scitrain.modalities._text_features import featurise

        used = {name: columns[name] for name in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)


class TextTokens(Featuriser):
    """x = ids of pieces of words, by a tokenizer trained on the training texts; 0 pads, 1 was not seen in training."""

    output: ClassVar[InputKind] = "tokens"
    requirements: ClassVar[tuple[str, ...]] = ("tokenizers",)

    kind: Literal["text_tokens"] = "text_tokens"
    columns: tuple[str, ...]
    """Columns of text, joined."""
    tokenizer: str
    """JSON of the tokenizer."""
    vocabulary: int
    """Number of tokens, padding included."""
    length: int = Field(ge=1)
    """Tokens a row; a longer text is cut."""

    def module(self) -> Path:
        """Return the file that tokenises."""
        return Path(__file__).with_name("_text_tokens.py")

    def options(self) -> dict[str, object]:
        """Return columns, tokenizer and length."""
        return self.model_dump(mode="json", exclude={"kind", "vocabulary"})

    def shape(self) -> InputShape:
        """Return a row of token ids."""
        return InputShape("tokens", (self.length,), vocabulary=self.vocabulary)

    def reason(self) -> str:
        """Return how a text is cut."""
        return (
            f"byte-pair encoding of {self.vocabulary:,} pieces, learned from the training texts; "
            f"{self.length} tokens hold {COVERED:.0%} of them whole, or are the most that is read"
        )

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length)."""
        from scitrain.modalities._text_tokens import featurise

        used = {name: columns[name] for name in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)


class Text(Modality):
    """Columns of prose."""

    name: ClassVar[str] = "text"
    default_split: ClassVar[str] = "stratified"
    default_split_reason: ClassVar[str] = (
        "every class (or range of the target) is then present in the same share in train, val and test"
    )
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector", "tokens")

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find columns of prose; sure only where no other column could be learned from."""
        found = [name for name, cells in columns.items() if _is_prose(cells)]
        if not found:
            return None
        alone = all(name in found or _names_rows(cells) for name, cells in columns.items())
        why = f"the cells of {', '.join(found)} are prose" + ("" if alone else ", beside columns that are none")
        return Recognition(tuple(found), 0.8 if alone else 0.3, why)

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Bring texts to one spelling; one without a word in any column is the row's error, a very long one is cut."""
        from scitrain.modalities._text_features import tidy

        cleaned: dict[str, list[str]] = {}
        empty: list[dict[int, str]] = []
        changes: dict[int, str] = {}
        for name, cells in columns.items():
            seen = [tidy(cell) for cell in cells]
            cleaned[name] = [text for text, _, _ in seen]
            empty.append({row: problem for row, (_, problem, _) in enumerate(seen) if problem})
            changes |= {row: change for row, (_, _, change) in enumerate(seen) if change}
            if tick is not None:
                tick(len(seen), len(seen))
        errors = {row: problem for row, problem in empty[0].items() if all(row in other for other in empty)}
        return Cleaned(cleaned, errors, changes)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Learn terms, or a tokenizer and a length, from the training texts."""
        cells = [list(only_rows(cells, train)) for cells in columns.values()]
        texts = [" ".join(row) for row in zip(*cells, strict=True)]
        return _tokens(tuple(columns), texts) if kind == "tokens" else _terms(tuple(columns), texts)

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return the texts in small letters."""
        return ["\x1f".join(row).casefold() for row in zip(*columns.values(), strict=True)]


def _terms(columns: tuple[str, ...], texts: Sequence[str]) -> TextTerms:
    """Keep the terms that most training texts have, at least two of them."""
    import math

    from scitrain.modalities._text_features import terms, tidy

    written = "".join(texts[:200])
    unit: Literal["words", "characters"] = "words" if written.count(" ") >= SPACED * len(written) else "characters"
    seen = Counter(term for text in texts for term in set(terms(tidy(text)[0], unit)))
    least = 2 if len(texts) > 20 else 1
    # ties in alphabetical order: sets have none, and the same data must give the same columns
    kept = sorted(((t, n) for t, n in seen.items() if n >= least), key=lambda pair: (-pair[1], pair[0]))[:TERMS]
    if not kept:
        raise DataError("no two training texts share a word; give more texts, or another column")
    weights = tuple(round(math.log((1 + len(texts)) / (1 + n)) + 1, 6) for _, n in kept)
    return TextTerms(columns=columns, unit=unit, terms=tuple(t for t, _ in kept), weights=weights)


def _tokens(columns: tuple[str, ...], texts: Sequence[str]) -> TextTokens:
    """Train a tokenizer, and choose the length that holds nearly all training texts."""
    import numpy as np
    from tokenizers import Tokenizer

    from scitrain.modalities._text_tokens import learn

    tokenizer = learn(texts, VOCABULARY)
    loaded = Tokenizer.from_str(tokenizer)
    counts = [len(encoded.ids) for encoded in loaded.encode_batch_fast([text[: 20 * LONGEST] for text in texts])]
    length = int(min(LONGEST, max(1, np.quantile(counts, COVERED, method="higher"))))
    return TextTokens(columns=columns, tokenizer=tokenizer, vocabulary=loaded.get_vocab_size(), length=length)


def _is_prose(cells: Sequence[str]) -> bool:
    """Tell whether cells are long, mostly different, and made of words."""
    filled = [text for cell in cells if (text := cell.strip())]
    if not filled or sum(map(_length, filled)) < PROSE * len(filled) or len(set(filled)) < DIFFERENT * len(filled):
        return False
    sample = filled[:200]
    spaced = sum(" " in text for text in sample)
    ascii_only = sum(text.isascii() for text in sample)
    letters = sum(sum(c.isalpha() or c.isspace() for c in text) >= 0.7 * len(text) for text in sample)
    # a SMILES, a sequence or a hash is long too, but has no spaces; Japanese and Chinese have none either
    return letters >= 0.8 * len(sample) and (spaced >= 0.8 * len(sample) or ascii_only < 0.2 * len(sample))


def _length(text: str) -> int:
    """Return the characters of a text, one of Japanese or Chinese for three: it stands for a syllable or a word."""
    return len(text) + 2 * sum(letter >= "\u3040" for letter in text[:PROSE])


def _names_rows(cells: Sequence[str]) -> bool:
    """Tell whether nearly every cell is another word or whole number, as in an id, or none is filled."""
    filled = [text for cell in cells if (text := cell.strip())]
    named = len(set(filled)) >= 0.9 * len(filled)
    return not filled or (named and not any("." in text and text.replace(".", "", 1).isdigit() for text in filled[:50]))
