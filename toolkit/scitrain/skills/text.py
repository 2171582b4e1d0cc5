"""Text in English, Japanese or a mixture, made comparable: normal form, words with their places, stems, near spellings."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from scitrain.skills.manifest import Language

__all__ = ["Span", "Text", "Word", "asked_language", "dice", "language_of", "normal", "parts", "stem"]

Span = tuple[int, int]
WORD = re.compile(r"[a-z0-9]+|[㐀-鿿々〆]+|[ァ-ヺー]+|[ぁ-ゖ]+")
PART = re.compile(r"[a-z0-9]+|(?<![㐀-鿿])[㐀-鿿][ぁ-ゖ](?![ぁ-ゖ])|[㐀-鿿々〆]+|[ァ-ヺー]+|[ぁ-ゖ]+")
"""As `WORD`, but a phrase that writes 信じ or 比べ means just that: one kanji alone would stand in too many words."""
JAPANESE = re.compile(r"[ぁ-ゖァ-ヺ㐀-鿿]")
HIRAGANA = re.compile(r"[ぁ-ゖ]+")
KATAKANA = re.compile(r"[ァ-ヺー]+")
STOP = frozenset(
    "a an the your their his me us it its these those to of for in on at from by and or is are be was "
    "do does did can could would should will please i we you some any so just also then as into".split()
)
KANA_WORDS = frozenset("どの どんな どちら どこまで これまで つくって ほしい ばらつき やめ".split())
"""Of words in hiragana alone, those that carry meaning here; all others are particles and endings."""
ENDINGS = (
    "izations isations ization isation ations ation ators ator ative ating ated ates ate itions ition ions ion ities ility ity "
    "ings ing ables able ibles ible ments ment ally ies ied ers ors er or ed es s e y"
).split()
"""Endings that do not change what a word is about, the longest first."""
SHORTEST_STEM = 4
APART = {
    "trained": "trained",
    "generated": "generated",
    "pretrained": "pretrained",
    "tuned": "tuned",
    "using": "use",
    "formula": "formula",
    "formulas": "formula",
    "formulae": "formula",
    "quantile": "quantile",
    "quantiles": "quantile",
}
"""Words whose ending matters: a trained model and generated molecules are there already, and a quantile is not quantised."""
NEAR_LATIN, NEAR_KATAKANA = 0.62, 0.75
"""Least likeness of two spellings of one word: a slip of a letter in a word of six, a longer or shorter loan word."""


@dataclass(frozen=True)
class Word:
    """A word of a text and its place."""

    text: str
    stem: str
    span: Span


@dataclass(frozen=True)
class Text:
    """A request as it is compared."""

    normal: str
    words: tuple[Word, ...]
    _known: dict[str, tuple[Span, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Places of parts that were asked for before: many phrases share them."""

    @classmethod
    def of(cls, text: str) -> "Text":
        """Read a request."""
        found = normal(text)
        words = tuple(Word(m[0], stem(m[0]), m.span()) for m in WORD.finditer(found))
        return cls(found, words)

    def places(self, part: str) -> tuple[Span, ...]:
        """Return where a part of a phrase stands: a Latin word as a whole word, anything else anywhere."""
        if part not in self._known:
            self._known[part] = tuple(self._places(part))
        return self._known[part]

    def _places(self, part: str) -> Iterator[Span]:
        if part[0].isascii():
            yield from (word.span for word in self.words if word.text[0].isascii() and _same(word, part))
        elif part in self.normal:
            yield from (match.span() for match in re.finditer(re.escape(part), self.normal))
        elif len(part) >= 5 and KATAKANA.fullmatch(part):
            runs = (word for word in self.words if KATAKANA.fullmatch(word.text))
            yield from (run.span for run in runs if dice(run.text, part, 2) >= NEAR_KATAKANA)


def normal(text: str) -> str:
    """Return the compatibility form in lower case: full-width letters, half-width kana and long dashes are unified."""
    joined = unicodedata.normalize("NFKC", text)
    # letter by letter, so that places stay the same
    lower = "".join(low if len(low := char.lower()) == 1 else char for char in joined)
    return re.sub(r"(?<=[ァ-ヺ])[‐-―−-](?=[ァ-ヺ])", "ー", lower)


def language_of(text: str) -> Language:
    """Return the language of a request: Japanese where it holds any kana or kanji."""
    return "ja" if JAPANESE.search(unicodedata.normalize("NFKC", text)) else "en"


def asked_language(text: str) -> Language | None:
    """Return the language that a request asks for the answer in, where it does."""
    found = normal(text)
    if re.search(r"\b(?:in|into) japanese\b|日本語で|japanese please", found):
        return "ja"
    return "en" if re.search(r"\bin english\b|英語で", found) else None


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Cut the ending of a Latin word: ``predicting``, ``predicted`` and ``prediction`` are one."""
    if word in APART or not word.isascii():
        return APART.get(word, word)
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=4096)
def parts(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase that carry its meaning: Latin ones as stems, without stop words, particles and endings."""
    found = [match[0] for match in PART.finditer(normal(phrase))]
    kept = [word for word in found if not (HIRAGANA.fullmatch(word) and word not in KANA_WORDS) and word not in STOP]
    return tuple(stem(word) for word in kept or found)


def dice(one: str, other: str, n: int = 3) -> float:
    """Return the likeness 2 |A ∩ B| / (|A| + |B|) of the character n-grams of two words, ends marked."""
    a, b = (_grams(word, n) for word in (one, other))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def _grams(word: str, n: int) -> frozenset[str]:
    marked = f"^{word}$"
    return frozenset(marked[i : i + n] for i in range(len(marked) - n + 1))


@lru_cache(maxsize=65_536)
def _near(one: str, other: str) -> bool:
    return (
        not {one, other} & APART.keys()
        and min(len(one), len(other)) >= 6
        and one[0] == other[0]
        and dice(one, other) >= NEAR_LATIN
    )


def _same(word: Word, part: str) -> bool:
    return part in (word.stem, word.text) or _near(word.stem, part)
