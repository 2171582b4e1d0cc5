"""Chemical formulas to numbers: reads formulas, describes compositions by element fractions and element properties.

Self-contained (numpy and ``element_properties.json`` beside it), so that a bundle predicts with this very file.
"""

import json
import re
from collections import defaultdict
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FormulaSyntaxError", "blocks", "element_properties", "featurise", "names", "parse_formula"]

Composition = dict[str, float]
TABLE = Path(__file__).with_name("element_properties.json")

STATISTICS = ("mean", "deviation", "min", "max", "range", "mode")
NORMS = (2, 3, 5, 7, 10)
SHELLS = ("s", "p", "d", "f")
IONIC = ("largest ionic character", "mean ionic character")
CHARGES = ("lowest charge", "highest charge", "imbalance of charge", "charge can balance")
BALANCED_STATES = 4
BALANCED_ELEMENTS = 4
"""Charges are balanced over up to 4 ** 4 combinations; compositions of more elements get the bounds alone."""
CHUNK = 8192
"""Rows described at once: bounds the memory of the (rows, elements, properties) arrays to tens of MB."""

SMALLEST = 1e-7
LARGEST = 1e6
LARGEST_RATIO = 10_000
DECIMALS = 9
LONGEST = 500
"""Characters: longer text is a mistake in the file, not a formula."""
_SPELLING = str.maketrans("₀₁₂₃₄₅₆₇₈₉．﹒•⋅∙【】", "0123456789..···[]") | {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)}
_SIMPLE_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+", re.ASCII)
_SIMPLE_TOKEN = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?", re.ASCII)
_NUMBER = r"\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_BRACKETS = r"(?P<open>[(\[{])|(?P<close>[)\]}])"
_TOKEN = re.compile(rf"\s*(?:(?P<element>[A-Z][a-z]?)|(?P<number>{_NUMBER})|{_BRACKETS}|(?P<dot>[·.*]))", re.ASCII)
_WATER = re.compile(r"(?<![A-Za-z)\]}]0)\.((?:\d+(?:\.\d+)?)?H2O)(?![a-z0-9])", re.ASCII)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class FormulaSyntaxError(ValueError):
    """What cannot be read in a formula, and where."""

    def __init__(self, formula: str, position: int, problem: str) -> None:
        shown = formula if len(formula) <= 60 else formula[:57] + "…"
        super().__init__(f"formula {shown!r}, character {position + 1}: {problem}")
        self.position = position


@cache
def _table() -> dict[str, list[Any]]:
    """Return the table of element properties."""
    return dict(json.loads(TABLE.read_text(encoding="utf-8")))


@cache
def _numbers() -> dict[str, int]:
    """Return the index (atomic number - 1) of each element symbol."""
    return {symbol: index for index, symbol in enumerate(_table()["elements"])}


def parse_formula(formula: str) -> Composition:
    """Return element symbol → amount, in the order of first mention.

    Brackets ``()[]{}`` nest; amounts may be decimal, ``1/3``, ``1e-3`` or subscripts; parts joined by ``·``, ``*`` or
    ``.`` are added with their coefficients (``CuSO4·5H2O``; also ``CuSO4.5H2O``, where the dot stands before water).

    Raises:
        FormulaSyntaxError: The text is no neutral formula of known elements with positive amounts.
    """
    text = formula if formula.isascii() else formula.translate(_SPELLING)
    if "H2O" in text:
        text = _WATER.sub(r"·\1", text)
    if not _SIMPLE_FORMULA.fullmatch(text) or len(text) > LONGEST:
        return _Reader(formula, text).read()
    known = _numbers()
    amounts: Composition = {}
    for symbol, amount in _SIMPLE_TOKEN.findall(text):
        number = float(amount) if amount else 1.0
        if symbol not in known or not SMALLEST <= number <= LARGEST:
            return _Reader(formula, text).read()
        amounts[symbol] = amounts[symbol] + number if symbol in amounts else number
    return {symbol: round(amount, DECIMALS) for symbol, amount in amounts.items()}


class _Reader:
    """Reads one formula token by token; the slow way, which knows brackets, parts and what to say when it fails."""

    def __init__(self, formula: str, text: str) -> None:
        self.formula = formula
        self.text = text.rstrip()
        self.at = 0
        self.groups: list[tuple[str, int, Composition]] = []
        self.inner: Composition = {}
        self.total: Composition = {}
        self.coefficient = 1.0

    def read(self) -> Composition:
        """Return the summed amounts."""
        if not self.text:
            raise self._error(0, "empty; write a formula such as Fe2O3")
        if len(self.text) > LONGEST:
            raise self._error(LONGEST, f"{len(self.text)} characters; a formula has at most {LONGEST}")
        self._coefficient()
        while self.at < len(self.text):
            self._step()
        self._finish_part()
        return {symbol: self._checked(amount, 0) for symbol, amount in self.total.items()}

    def _error(self, position: int, problem: str) -> FormulaSyntaxError:
        return FormulaSyntaxError(self.formula, position, problem)

    def _step(self) -> None:
        """Take one token and the amount behind it."""
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            start = self.text.index(self.text[self.at :].lstrip(), self.at)
            raise self._error(start, _strange(self.text[start]))
        self.at = match.end()
        kind = match.lastgroup or ""
        if kind == "number":
            raise self._error(match.start(kind), f"amount {match[kind]} follows no element or bracket")
        if kind == "open":
            self.groups.append((match[kind], self.at - 1, self.inner))
            self.inner = {}
        elif kind == "close":
            self._close(match[kind])
        elif kind == "dot":
            self._finish_part()
            self._coefficient()
        elif match[kind] not in _numbers():
            raise self._error(match.start(kind), _unknown(match[kind]))
        else:
            _add(self.inner, {match[kind]: 1.0}, self._amount())

    def _close(self, bracket: str) -> None:
        """Multiply the innermost bracket and add it to the one around it."""
        at = self.at - 1
        if not self.groups:
            raise self._error(at, f"{bracket!r} closes no bracket; remove it or add the opening one")
        opening, _, outer = self.groups.pop()
        if _CLOSING[opening] != bracket:
            raise self._error(at, f"{bracket!r} closes {opening!r}; expected {_CLOSING[opening]!r}")
        if not self.inner:
            raise self._error(at, "the bracket holds no element")
        _add(outer, self.inner, self._amount())
        self.inner = outer

    def _amount(self) -> float:
        """Return the amount that stands here, 1 where none does."""
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup != "number":
            return 1.0
        self.at = match.end()
        upper, _, lower = match["number"].partition("/")
        return self._checked(float(upper) / (float(lower or 1) or float("inf")), match.start("number"))

    def _checked(self, amount: float, position: int) -> float:
        """Return the amount to the parser's precision, or refuse it."""
        if not SMALLEST <= amount <= LARGEST:
            limits = f"amounts lie between {SMALLEST:g} and {LARGEST:g}; leave out an element that is not there"
            raise self._error(position, f"amount {amount:g}; {limits}")
        return round(amount, DECIMALS)

    def _coefficient(self) -> None:
        """Read the factor before a part, such as the 5 of ``·5H2O``."""
        start = self.at
        self.coefficient = self._amount()
        if self.at == len(self.text):
            found = f"the factor {self.coefficient:g} stands" if self.at > start else "the separator stands"
            raise self._error(start, f"{found} before nothing; a formula such as 5H2O was expected")

    def _finish_part(self) -> None:
        """Add the part before a separator or the end to the total."""
        if self.groups:
            opening, at, _ = self.groups[-1]
            raise self._error(at, f"{opening!r} is never closed; expected {_CLOSING[opening]!r}")
        if not self.inner:
            raise self._error(max(self.at - 1, 0), "a part between separators holds no element")
        _add(self.total, self.inner, self.coefficient)
        self.inner = {}


def _add(total: Composition, part: Composition, factor: float) -> None:
    for symbol, amount in part.items():
        total[symbol] = total.get(symbol, 0.0) + amount * factor


def _unknown(symbol: str) -> str:
    """Say what to write for a symbol that is no element."""
    if symbol in ("D", "T"):
        return f"{symbol} is an isotope of hydrogen; write H where the isotope does not matter"
    near = get_close_matches(symbol, _numbers(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no element {symbol!r}; {hint}symbols are those of the periodic table, such as Fe, O or Cl"


def _strange(character: str) -> str:
    """Say why a character cannot stand in a formula."""
    if character in "+-^⁺⁻−–²³⁴":
        return f"{character!r} starts a charge or a negative amount; write the neutral formula with positive amounts"
    if character == ",":
        return "a comma; write decimal amounts with a point, such as Fe0.5"
    if character.islower():
        return f"{character!r} starts no element symbol (as in NaCl) and is no number; variables such as x need a value"
    return f"{character!r} does not belong in a formula; expected element symbols, numbers, brackets and ·"


def reduce_amounts(amounts: Composition) -> Composition:
    """Return the amounts in their smallest whole-number ratio, or as atomic fractions where no small one fits.

    A ratio fits within 1e-5, so that thirds written to six decimals count as thirds.
    """
    smallest, largest = min(amounts.values()), max(amounts.values())
    ratios = [amount / smallest for amount in amounts.values()]
    for factor in range(1, min(60, int(LARGEST_RATIO * smallest / largest)) + 1):
        scaled = [ratio * factor for ratio in ratios]
        if all(abs(value - round(value)) <= 1e-5 * value for value in scaled):
            return dict(zip(amounts, (float(round(value)) for value in scaled), strict=True))
    total = sum(sorted(amounts.values()))
    return {symbol: max(round(amount / total, 7), SMALLEST) for symbol, amount in amounts.items()}


def atomic_amounts(amount: float) -> str:
    """Return an amount as it stands in a formula: nothing for 1, no exponent, no trailing zeros."""
    return "" if amount == 1 else f"{amount:.{DECIMALS}f}".rstrip("0").rstrip(".")


def featurise(columns: dict[str, list[str]], options: dict[str, Any]) -> tuple[np.ndarray, list[str | None]]:
    """Return float32 (n, width) or, with ``{"output": "tokens"}``, int64 (n, length), and what is wrong with each row.

    Options: ``columns`` names of formula columns, ``log_fractions`` adds a logarithmic fraction block;
    for tokens also ``vocabulary`` (id 0 pads, 1 is unknown) and ``length``.
    """
    problems: list[str | None] = [None] * len(columns[options["columns"][0]])
    parts = []
    for name in options["columns"]:
        read = [_read(formula) for formula in columns[name]]
        problems = [old or new for old, (_, new) in zip(problems, read, strict=True)]
        make = _tokens if options.get("output") == "tokens" else _describe
        parts.append(make([composition for composition, _ in read], options))
    array = np.concatenate(parts, axis=1)
    array[[index for index, problem in enumerate(problems) if problem]] = 0
    return array, problems


def _read(formula: str) -> tuple[Composition, str | None]:
    """Return the reduced composition, or an empty one and the reason."""
    try:
        return reduce_amounts(parse_formula(formula)), None
    except FormulaSyntaxError as problem:
        return {}, str(problem)


@cache
def element_properties() -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Return property names, element symbols by atomic number, and the values (118, n_properties)."""
    rows = _table()["properties"]
    values = np.array([row["values"] for row in rows], dtype=np.float64).T
    return tuple(row["name"] for row in rows), tuple(_table()["elements"]), values


@cache
def oxidation_states() -> np.ndarray:
    """Return oxidation states (118, BALANCED_STATES), the last one repeated where an element has fewer."""
    rows = _table()["oxidation_states"]
    return np.array([(row + row[-1:] * BALANCED_STATES)[:BALANCED_STATES] for row in rows], dtype=np.float64)


def _layout(log_fractions: bool) -> dict[str, list[str]]:
    """Return the feature names of each block of one formula."""
    elements = list(_numbers())
    layout = {"fractions": [f"fraction {element}" for element in elements]}
    if log_fractions:
        layout["log_fractions"] = [f"log fraction {element}" for element in elements]
    layout["properties"] = [f"{statistic} {name}" for statistic in STATISTICS for name in element_properties()[0]]
    layout["stoichiometry"] = ["elements", "atoms", "entropy", *(f"norm {p}" for p in NORMS)]
    layout["bonding"] = [*(f"share of valence {shell}" for shell in SHELLS), *IONIC, *CHARGES]
    return layout


def names(options: dict[str, Any]) -> list[str]:
    """Return a name for each column of the vector."""
    return [name for block in _all_blocks(options).values() for name in block]


def blocks(options: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the column range of each block; with several formulas each has its own."""
    sizes = {block: len(block_names) for block, block_names in _all_blocks(options).items()}
    ends = np.cumsum(list(sizes.values())).tolist()
    return {block: (end - size, end) for (block, size), end in zip(sizes.items(), ends, strict=True)}


def _all_blocks(options: dict[str, Any]) -> dict[str, list[str]]:
    """Return the feature names of each block of all formula columns."""
    layout = _layout(bool(options.get("log_fractions")))
    if len(options["columns"]) == 1:
        return layout
    pairs = [(column, block) for column in options["columns"] for block in layout]
    return {f"{column}: {block}": [f"{column}: {name}" for name in layout[block]] for column, block in pairs}


def _describe(compositions: list[Composition], options: dict[str, Any]) -> np.ndarray:
    """Return (n, width); rows of equally many elements are described together."""
    log_fractions = bool(options.get("log_fractions"))
    width = sum(map(len, _layout(log_fractions).values()))
    array = np.zeros((len(compositions), width), dtype=np.float32)
    by_size: dict[int, list[int]] = defaultdict(list)
    for row, composition in enumerate(compositions):
        by_size[len(composition)].append(row)
    by_size.pop(0, None)
    index = _numbers()
    for rows in by_size.values():
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            order = [sorted((index[symbol], amount) for symbol, amount in compositions[row].items()) for row in chunk]
            pairs = np.array(order, dtype=np.float64)
            array[chunk] = _features(pairs[:, :, 0].astype(np.int64), pairs[:, :, 1], log_fractions)
    return array


def _features(elements: np.ndarray, amounts: np.ndarray, log_fractions: bool) -> np.ndarray:
    """Return (n, width) from element indices and amounts, both (n, k), ordered by atomic number."""
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    dense = np.zeros((len(elements), len(_numbers())))
    np.put_along_axis(dense, elements, fractions, axis=1)
    parts = [dense, np.log10(np.maximum(dense, 1e-6)) / 6 + 1] if log_fractions else [dense]
    parts += [_statistics(elements, fractions), _stoichiometry(amounts, fractions), _bonding(elements, fractions)]
    return np.concatenate(parts, axis=1)


def _statistics(elements: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return (n, 6 × n_properties): weighted mean, average deviation, min, max, range, value of the commonest element.

    Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; among equally common elements the smallest value counts.
    """
    values = element_properties()[2][elements]
    weights = fractions[:, :, None]
    mean = (values * weights).sum(axis=1)
    deviation = (np.abs(values - mean[:, None]) * weights).sum(axis=1)
    low, high = values.min(axis=1), values.max(axis=1)
    common = weights >= fractions.max(axis=1)[:, None, None] * (1 - 1e-9)
    mode = np.where(common, values, np.inf).min(axis=1)
    return np.concatenate([mean, deviation, low, high, high - low, mode], axis=1)


def _stoichiometry(amounts: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return (n, 3 + norms): number of elements, log of atoms per formula unit, mixing entropy in R, p-norms."""
    count = np.full(len(amounts), float(amounts.shape[1]))
    entropy = -(fractions * np.log(fractions)).sum(axis=1)
    norms = [(fractions**p).sum(axis=1) ** (1 / p) for p in NORMS]
    return np.column_stack([count, np.log1p(amounts.sum(axis=1)), entropy, *norms])


def _bonding(elements: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return (n, 10): shares of valence electrons, ionic character 1 - exp(-Δχ²/4) (Pauling), balance of charges."""
    properties, _, values = element_properties()
    shells = values[:, [properties.index(f"valence_{shell}") for shell in SHELLS]]
    electrons = (shells[elements] * fractions[:, :, None]).sum(axis=1)
    electrons /= np.maximum(electrons.sum(axis=1, keepdims=True), 1e-12)
    negativity = values[elements, properties.index("electronegativity")]
    ionic = 1 - np.exp(-((negativity[:, :, None] - negativity[:, None]) ** 2) / 4)
    weighted = np.einsum("nij,ni,nj->n", ionic, fractions, fractions)
    return np.column_stack([electrons, ionic.max(axis=(1, 2)), weighted, *_charges(elements, fractions)])


def _charges(elements: np.ndarray, fractions: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the lowest, highest and absolutely smallest mean charge per atom and whether it is zero, each (n,)."""
    charges = oxidation_states()[elements] * fractions[:, :, None]
    low, high = charges.min(axis=2).sum(axis=1), charges.max(axis=2).sum(axis=1)
    distance = np.maximum(np.maximum(low, -high), 0)
    if 1 < elements.shape[1] <= BALANCED_ELEMENTS:
        totals = charges[:, 0]
        for position in range(1, elements.shape[1]):
            totals = (totals[:, :, None] + charges[:, position, None]).reshape(len(totals), -1)
        distance = np.abs(totals).min(axis=1)
    return low, high, distance, (distance < 1e-6).astype(np.float64)


def tokenise(composition: Composition) -> list[str]:
    """Return element symbols and the characters of their amounts, ordered by atomic number."""
    ordered = sorted(composition.items(), key=lambda item: _numbers()[item[0]])
    return [token for symbol, amount in ordered for token in (symbol, *atomic_amounts(amount))]


def _tokens(compositions: list[Composition], options: dict[str, Any]) -> np.ndarray:
    """Return int64 (n, length), cut where longer."""
    ids = {str(token): index for index, token in enumerate(options["vocabulary"], start=2)}
    array = np.zeros((len(compositions), options["length"]), dtype=np.int64)
    for row, composition in enumerate(compositions):
        found = [ids.get(token, 1) for token in tokenise(composition)][: options["length"]]
        array[row, : len(found)] = found
    return array
