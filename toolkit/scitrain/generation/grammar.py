"""Which token may follow: masks that keep a draw within what its language can say."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Grammar", "Reading", "Words"]


@dataclass(frozen=True)
class Words:
    """A vocabulary with the ids of its special tokens."""

    tokens: tuple[str, ...]
    """By id."""
    bos: int
    eos: int
    pad: int
    known: frozenset[int]
    """Ids that the training strings have, specials left out: no other is drawn, for nothing was learned of it."""


class Reading(ABC):
    """Where one string stands in its grammar."""

    @abstractmethod
    def advance(self, token: int) -> None:
        """Read one more token."""

    @abstractmethod
    def allowed(self, left: int) -> np.ndarray:
        """Return bool (vocabulary,): what may follow where ``left`` tokens, eos included, still have room. Not to be changed."""

    @abstractmethod
    def copy(self) -> "Reading":
        """Return a reading that goes its own way from here."""


class Grammar(ABC):
    """A language of tokens."""

    def __init__(self, words: Words) -> None:
        self.words = words

    @abstractmethod
    def begin(self) -> Reading:
        """Return the reading of an empty string."""

    def mask(self, ids: Sequence[int]) -> np.ndarray:
        """Return bool (vocabulary,) with ``ids`` set."""
        found = np.zeros(len(self.words.tokens), dtype=bool)
        found[list(ids)] = True
        return found
