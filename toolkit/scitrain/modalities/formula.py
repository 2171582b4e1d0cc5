"""Chemical formulas such as ``Fe2O3`` or ``(Mg0.9Fe0.1)2SiO4``."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.modalities._chunks import featurise_in_processes, only_rows

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Formula", "FormulaElements", "FormulaFeaturiser", "FormulaTokens"]

ROWS = 8192
READABLE = 0.9
"""Smallest share of the values that must be formulas; the rest may be mistakes to report."""
CHEMICAL = 0.5
"""Smallest share with two elements or an amount: ``No`` or ``I`` alone are also words."""
REPEATED = 0.2
"""Largest share with an element twice in a row: ``CCO`` is a SMILES."""
MOST_ELEMENTS = 16
"""Elements of a formula that MatBERT has places for; padding is never computed."""
TRACE = 1e-3
"""Atomic fraction below which a linear fraction hides an element from a network."""

_NAMED = re.compile(r"formula|composition|compound|material|reduced|stoich", re.IGNORECASE)
_TWICE = re.compile(r"([A-Z][a-z]?)\1(?![a-z0-9])")
_MOLECULE = re.compile(r"smiles|selfies|inchi|sequence", re.IGNORECASE)


class FormulaFeaturiser(Featuriser):
    """x = element fractions ⊕ statistics of element properties ⊕ stoichiometry ⊕ bonding, for each formula column.

    The statistics are those of Ward et al. 2016 (doi:10.1038/npjcompumats.2016.28) over pymatgen's element data.
    """

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["formula_features"] = "formula_features"
    columns: tuple[str, ...]
    """Formula columns, in this order."""
    log_fractions: bool = False
    """Also the logarithm of the fractions; on where a training formula holds an element below 0.1 atomic %."""

    def module(self) -> Path:
        """Return the file with parser and features."""
        return _module()

    def data_files(self) -> tuple[Path, ...]:
        """Return the table of element properties."""
        return (_module().with_name("element_properties.json"),)

    def options(self) -> dict[str, object]:
        """Return columns and blocks."""
        return {"columns": list(self.columns), "log_fractions": self.log_fractions}

    def shape(self) -> InputShape:
        """Return a vector with its blocks."""
        from scitrain.chem.formula_features import blocks

        found = blocks(self.options())
        return InputShape("vector", (max(end for _, end in found.values()),), blocks=found)

    def names(self) -> tuple[str, ...]:
        """Return feature names such as ``mean electronegativity``."""
        from scitrain.chem.formula_features import names

        return tuple(names(self.options()))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, width)."""
        return _transform(self, columns, tick)


class FormulaTokens(Featuriser):
    """x = ids of element symbols and the characters of their amounts, by atomic number; 0 pads, 1 is unknown."""

    output: ClassVar[InputKind] = "tokens"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["formula_tokens"] = "formula_tokens"
    columns: tuple[str, ...]
    """Formula columns, in this order."""
    vocabulary: tuple[str, ...]
    """Tokens by id, from id 2 on."""
    length: int
    """Tokens a formula; longer ones are cut."""

    def module(self) -> Path:
        """Return the file with parser and features."""
        return _module()

    def data_files(self) -> tuple[Path, ...]:
        """Return the table of element properties, which also knows the symbols."""
        return (_module().with_name("element_properties.json"),)

    def options(self) -> dict[str, object]:
        """Return columns, vocabulary and length."""
        listed: dict[str, object] = {"columns": list(self.columns), "vocabulary": list(self.vocabulary)}
        return listed | {"length": self.length, "output": "tokens"}

    def shape(self) -> InputShape:
        """Return a row of token ids."""
        return InputShape("tokens", (self.length * len(self.columns),), vocabulary=len(self.vocabulary) + 2)

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length × columns)."""
        return _transform(self, columns, tick)


class FormulaElements(Featuriser):
    """x = ids of the elements (atomic number + 6, 0 pads) ⊕ their atomic fractions in units of 1e-7: what MatBERT reads."""

    output: ClassVar[InputKind] = "tokens"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["formula_elements"] = "formula_elements"
    columns: tuple[str, ...]
    """The formula column."""
    length: int = MOST_ELEMENTS
    """Most elements of a formula; a row with more is refused."""

    def module(self) -> Path:
        """Return the file that finds elements and fractions."""
        return _module().with_name("formula_elements.py")

    def data_files(self) -> tuple[Path, ...]:
        """Return the file that reads formulas, and the table that knows the symbols."""
        return _module(), _module().with_name("element_properties.json")

    def options(self) -> dict[str, object]:
        """Return columns and length."""
        return {"columns": list(self.columns), "length": self.length}

    def shape(self) -> InputShape:
        """Return ids and fractions, ``amounts`` being the latter."""
        length = self.length
        return InputShape("tokens", (2 * length,), vocabulary=10**7 + 1, blocks={"amounts": (length, 2 * length)})

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, 2 × length)."""
        from scitrain.chem.formula_elements import featurise

        return featurise_in_processes(featurise, columns, self.options(), ROWS, tick)


class Formula(Modality):
    """Columns of chemical formulas. ``NaN`` is sodium nitride here, never a missing value."""

    name: ClassVar[str] = "formula"
    default_split: ClassVar[str] = "chemical_system"
    default_split_reason: ClassVar[str] = (
        "formulas of the same elements resemble each other; a random split would test on near copies of training rows"
    )
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector", "tokens")

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find columns whose values read as formulas, with amounts or several elements."""
        found = {name: confidence for name, values in columns.items() if (confidence := _confidence(name, values))}
        if not found:
            return None
        best = max(found.values())
        chosen = tuple(name for name, confidence in found.items() if confidence >= 0.9 * best)
        reason = f"at least {READABLE:.0%} of the values of {', '.join(chosen)} read as chemical formulas"
        return Recognition(chosen, best, reason)

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Write every formula canonically; a missing or unreadable one is the row's error, also with ``impute``."""
        from scitrain.chem.formulas import FormulaError, canonical

        cleaned: dict[str, list[str]] = {}
        errors: dict[int, str] = {}
        for name, values in columns.items():
            texts = cleaned[name] = []
            for row, value in enumerate(values):
                try:
                    texts.append(canonical(value))
                except FormulaError as error:
                    texts.append(value)
                    errors[row] = f"{name}: {error}" if value.strip() else f"{name}: no formula given"
            if tick is not None:
                tick(len(values), len(values))
        return Cleaned(cleaned, errors)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Return element features, or tokens with the vocabulary of the training rows."""
        compositions = list(_compositions(columns, train))
        if kind == "tokens":
            from scitrain.chem.formula_features import tokenise

            texts = [tokenise(composition) for composition in compositions]
            vocabulary = sorted({token for tokens in texts for token in tokens} | set("0123456789."))
            length = max(map(len, texts), default=1)
            return FormulaTokens(columns=tuple(columns), vocabulary=tuple(vocabulary), length=length)
        trace = any(min(amounts.values()) < TRACE * sum(amounts.values()) for amounts in compositions)
        return FormulaFeaturiser(columns=tuple(columns), log_fractions=trace)

    def groups(self, columns: Columns, split: str) -> Sequence[str] | None:
        """Return chemical systems such as ``Fe-O``, all elements of a row together; None for other splits."""
        if split != "chemical_system":
            return None
        return ["-".join(sorted({symbol for amounts in row for symbol in amounts})) for row in _rows(columns)]

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return reduced formulas: ``Fe4O6`` and ``Fe2O3`` are the same input."""
        from scitrain.chem.formula_features import reduce_amounts
        from scitrain.chem.formulas import write

        return [
            "\x1f".join(write(reduce_amounts(amounts)) if amounts else "" for amounts in row) for row in _rows(columns)
        ]


def _module() -> Path:
    """Return the self-contained source file, without importing it."""
    return Path(__file__).parents[1] / "chem" / "formula_features.py"


def _transform(featuriser: Featuriser, columns: Columns, tick: Ticker | None) -> "tuple[np.ndarray, dict[int, str]]":
    """Featurise the formula columns on all CPUs."""
    from scitrain.chem.formula_features import featurise

    return featurise_in_processes(featurise, columns, featuriser.options(), ROWS, tick)


def _confidence(name: str, values: Sequence[str]) -> float:
    """Return how sure it is that a column holds formulas, 0 where it does not."""
    filled = [value.strip() for value in values if value.strip()]
    if not filled or _MOLECULE.search(name):
        return 0.0
    read = [amounts for value in filled if (amounts := _read(value))]
    chemical = sum(len(amounts) > 1 or any(amount != 1 for amount in amounts.values()) for amounts in read)
    twice = sum(bool(_TWICE.search(value)) for value in filled)
    if len(read) < READABLE * len(filled) or chemical < CHEMICAL * len(filled) or twice > REPEATED * len(filled):
        return 0.0
    amounts_shown = sum(any(character.isdigit() for character in value) for value in filled) / len(filled)
    if _NAMED.search(name):
        return 0.97
    return 0.9 if amounts_shown >= 0.3 and len(set(filled)) > 0.02 * len(filled) else 0.0


def _read(formula: str) -> dict[str, float]:
    """Return the composition, empty where the formula cannot be read."""
    from scitrain.chem.formulas import FormulaError, parse

    try:
        return parse(formula)
    except FormulaError:
        return {}


def _rows(columns: Columns) -> Iterable[tuple[dict[str, float], ...]]:
    """Yield the compositions of each row."""
    return (tuple(map(_read, row)) for row in zip(*columns.values(), strict=True))


def _compositions(columns: Columns, rows: "np.ndarray") -> Iterable[dict[str, float]]:
    """Yield the readable reduced compositions of some rows, column by column."""
    from scitrain.chem.formula_features import reduce_amounts

    return (
        reduce_amounts(amounts)
        for values in columns.values()
        for formula in only_rows(values, rows)
        if (amounts := _read(formula))
    )
