"""The grammars of SELFIES, which is none, and of formulas: elements, each once, with amounts between them."""

from dataclasses import dataclass, replace

import numpy as np

from scitrain.generation.grammar import Grammar, Reading, Words

__all__ = ["FormulaGrammar", "SelfiesGrammar"]

MOST_ELEMENTS = 12
DECIMALS = 4
"""Digits behind the point that an amount may have."""
LONG = 3
"""Digits before it."""


class SelfiesGrammar(Grammar):
    """Any symbols in any order, the first one an atom: each such string is a molecule (Krenn et al. 2020, doi:10.1088/2632-2153/aba947)."""

    def __init__(self, words: Words) -> None:
        super().__init__(words)
        symbols = [i for i in words.known if words.tokens[i] != "."]  # parts are for salts; one of them might be empty
        self.first = self.mask([i for i in symbols if not any(word in words.tokens[i] for word in ("Ring", "Branch"))])
        self.later = self.mask([*symbols, words.eos])

    def begin(self) -> Reading:
        """Return the reading of an empty string."""
        return _SelfiesReading(self)


@dataclass
class _SelfiesReading(Reading):
    grammar: SelfiesGrammar
    begun: bool = False

    def advance(self, token: int) -> None:
        """Read one more symbol."""
        self.begun = True

    def allowed(self, left: int) -> np.ndarray:
        """Return an atom first, then anything."""
        return self.grammar.later if self.begun else self.grammar.first

    def copy(self) -> Reading:
        """Return its twin."""
        return replace(self)


class FormulaGrammar(Grammar):
    """(element amount?)+ with each element once; an amount is 2…99 as one token, or digits with a point (no amount of 1 is written)."""

    def __init__(self, words: Words) -> None:
        super().__init__(words)
        texts = {i: words.tokens[i] for i in words.known}
        self.elements = {i for i, text in texts.items() if text[0].isalpha()}
        self.digits = self.mask([i for i, text in texts.items() if text.isdigit() and len(text) == 1])
        self.whole = self.mask([i for i, text in texts.items() if text.isdigit() and int(text) > 1])
        self.leading = self.mask([i for i, text in texts.items() if text.isdigit() and len(text) == 1])
        self.nought = self.mask([i for i, text in texts.items() if text == "0"])
        self.point = self.mask([i for i, text in texts.items() if text == "."])
        self.eos = self.mask([words.eos])
        self.texts = texts
        self.fractions = bool(self.point.any())

    def begin(self) -> Reading:
        """Return the reading of an empty string."""
        return _FormulaReading(self, self.mask(sorted(self.elements)))


@dataclass
class _FormulaReading(Reading):
    grammar: FormulaGrammar
    unused: np.ndarray
    """bool (vocabulary,): elements that are not there yet."""
    elements: int = 0
    amount: str = ""
    """What was read of the amount in hand."""

    def advance(self, token: int) -> None:
        """Read one more token."""
        if token in self.grammar.elements:
            self.unused = self.unused.copy()
            self.unused[token] = False
            self.elements += 1
            self.amount = ""
        else:
            self.amount += self.grammar.texts.get(token, "")

    def allowed(self, left: int) -> np.ndarray:
        """Return what may follow: the next element or the end where the amount is whole, and what goes on with the amount."""
        if self.elements == 0:
            return self.unused
        grammar = self.grammar
        found = self._amount()
        if self._complete():
            found |= grammar.eos
            if self.elements < MOST_ELEMENTS and left > DECIMALS + 2:
                found |= self.unused
        return found

    def copy(self) -> Reading:
        """Return its twin; the array is never changed, but replaced."""
        return replace(self)

    def _complete(self) -> bool:
        amount = self.amount
        return (
            amount == ""
            or (amount not in ("0", "1") and amount[-1] not in ".0")
            or (amount[-1:] == "0" and len(amount) > 1 and "." not in amount)
        )

    def _amount(self) -> np.ndarray:
        grammar, amount = self.grammar, self.amount
        if amount == "":
            return grammar.whole | grammar.leading if grammar.fractions else grammar.whole.copy()
        if not grammar.fractions:
            return grammar.mask([])
        if "." in amount:
            behind = len(amount.split(".")[1])
            last = grammar.digits & ~grammar.nought  # an amount ends with no nought
            return (grammar.digits.copy() if behind < DECIMALS - 1 else last) if behind < DECIMALS else grammar.mask([])
        more: np.ndarray = grammar.digits if amount != "0" and len(amount) < LONG else grammar.mask([])
        return np.asarray(grammar.point | more)
