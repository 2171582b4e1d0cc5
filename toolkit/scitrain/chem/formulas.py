"""Chemical formulas: read, write canonically, reduce, and name their chemical system."""

from collections.abc import Mapping, Sequence
from functools import cache

from scitrain.chem.formula_features import (
    FormulaSyntaxError,
    atomic_amounts,
    element_properties,
    parse_formula,
    reduce_amounts,
)
from scitrain.errors import DataError

__all__ = ["FormulaError", "anonymous", "canonical", "chemical_system", "mass_fractions", "parse", "reduced", "write"]


class FormulaError(DataError):
    """A text cannot be read as a neutral chemical formula."""

    def __init__(self, problem: FormulaSyntaxError) -> None:
        super().__init__(str(problem))
        self.position = problem.position
        """Index of the offending character, counted from 0."""


def parse(formula: str) -> dict[str, float]:
    """Return element symbol → amount, exactly as the formula features read it; amounts are kept to nine decimals.

    Raises:
        FormulaError: Not a neutral formula of known elements with positive amounts; says where and what to write.
    """
    try:
        return parse_formula(formula)
    except FormulaSyntaxError as problem:
        raise FormulaError(problem) from None


def write(amounts: Mapping[str, float]) -> str:
    """Return the formula of a composition, the most electronegative element last: ``{O: 3, Fe: 2}`` → Fe2O3."""
    rank = _rank()
    return "".join(f"{symbol}{atomic_amounts(amounts[symbol])}" for symbol in sorted(amounts, key=rank.__getitem__))


def canonical(formula: str) -> str:
    """Return the one spelling shared by all formulas with the same amounts: ``O3Fe2`` → Fe2O3, ``Fe4O6`` stays.

    Raises:
        FormulaError: The formula cannot be read.
    """
    return write(parse(formula))


def reduced(formula: str) -> str:
    """Return the canonical spelling of the smallest whole-number ratio: ``Fe4O6`` and ``FeO1.5`` → Fe2O3.

    Where no factor up to 60 makes whole numbers up to 10,000, atomic fractions to seven decimals are written.

    Raises:
        FormulaError: The formula cannot be read.
    """
    return write(reduce_amounts(parse(formula)))


def chemical_system(formula: str) -> str:
    """Return the elements in alphabetical order: ``Fe2O3`` → Fe-O.

    Raises:
        FormulaError: The formula cannot be read.
    """
    return "-".join(sorted(parse(formula)))


def anonymous(formula: str) -> str:
    """Return the proportions without the elements, the smallest first: ``Fe2O3`` and ``Al2O3`` → A2B3.

    Raises:
        FormulaError: The formula cannot be read.
    """
    amounts = sorted(reduce_amounts(parse(formula)).values())
    return "".join(f"{_letters(place)}{atomic_amounts(amount)}" for place, amount in enumerate(amounts))


def mass_fractions(formula: str) -> dict[str, float]:
    """Return element → share of the mass, 0…1, the heaviest share first, by standard atomic weights.

    Raises:
        FormulaError: The formula cannot be read.
    """
    names, symbols, values = element_properties()
    weights = dict(zip(symbols, values[:, names.index("atomic_mass")].tolist(), strict=True))
    masses = {symbol: amount * weights[symbol] for symbol, amount in parse(formula).items()}
    total = sum(masses.values())
    return {symbol: mass / total for symbol, mass in sorted(masses.items(), key=lambda item: -item[1])}


def _letters(place: int) -> str:
    """Return A…Z, then AA, AB and so on."""
    return chr(65 + place) if place < 26 else chr(64 + place // 26) + chr(65 + place % 26)


@cache
def _rank() -> dict[str, tuple[float, str]]:
    """Return the sort key of each element symbol: electronegativity, then the alphabet."""
    names, symbols, values = element_properties()
    electronegativity: Sequence[float] = values[:, names.index("electronegativity")].tolist()
    return {symbol: (value, symbol) for symbol, value in zip(symbols, electronegativity, strict=True)}
