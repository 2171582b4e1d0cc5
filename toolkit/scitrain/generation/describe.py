"""Everything that is computed of a material alone, without a trained model: numbers, flags and words by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.generation.given import Kind

__all__ = ["COMPOSITION_NUMBERS", "Described", "describe", "units"]

Tick = Callable[[int, int], None]
COMPOSITION_NUMBERS = {
    "cost": ("USD/kg", "price of the elements by mass fraction (pymatgen's prices of pure elements, mostly of 2013)"),
    "hhi_production": (
        "",
        "Herfindahl–Hirschman index of the elements' production by country, Gaultois et al. 2013, doi:10.1021/cm400893e",
    ),
    "hhi_reserve": ("", "the same of known reserves"),
    "abundance": ("mg/kg", "mass of the scarcest element in the earth's crust (CRC Handbook, from smact)"),
    "molar_mass": ("g/mol", "mass of the reduced formula unit"),
    "elements": ("", "number of elements"),
    "atoms": ("", "atoms in the reduced formula unit"),
    "balanced": ("", "1 where the charges cancel with every cation less electronegative than every anion, else 0"),
}
"""Numbers of a composition: unit, and definition with its source."""


@dataclass(frozen=True)
class Described:
    """Of m materials, row by row."""

    numbers: Mapping[str, np.ndarray]
    """float (m,), NaN where unknown."""
    flags: Mapping[str, np.ndarray]
    """bool (m,)."""
    words: Mapping[str, list[str]]


def units(kind: Kind) -> dict[str, str]:
    """Return the unit of each number that is computed of such a material."""
    if kind == "formula":
        return {name: unit for name, (unit, _) in COMPOSITION_NUMBERS.items()}
    from scitrain.chem.molecule_criteria import PROPERTIES

    return {name: unit for name, (unit, _) in PROPERTIES.items()}


def describe(kind: Kind, names: Sequence[str], tick: Tick | None = None) -> Described:
    """Describe canonical SMILES or reduced formulas."""
    return _molecules(names, tick) if kind == "smiles" else _compositions(names)


def _molecules(names: Sequence[str], tick: Tick | None) -> Described:
    from scitrain.chem.molecule_criteria import PROPERTIES, criteria

    found = criteria(names, tick)
    table = np.array([one.numbers() for one in found]).reshape(len(found), len(PROPERTIES))
    flags = {
        "pains_free": np.array([not one.pains for one in found], dtype=bool),
        "brenk_free": np.array([not one.brenk for one in found], dtype=bool),
    }
    words = {
        "pains": [one.pains for one in found],
        "brenk": [one.brenk for one in found],
        "scaffold": [one.scaffold for one in found],
    }
    return Described(dict(zip(PROPERTIES, table.T, strict=True)), flags, words)


def _compositions(names: Sequence[str]) -> Described:
    from scitrain.chem.charge_balance import balance
    from scitrain.chem.formulas import parse
    from scitrain.chem.supply import molar_mass, supply

    read = [parse(name) for name in names]
    supplies, balances = [supply(amounts) for amounts in read], [balance(amounts) for amounts in read]
    looked_up = ("cost", "hhi_production", "hhi_reserve", "abundance")
    numbers = {name: np.array([getattr(one, name) for one in supplies], dtype=float) for name in looked_up}
    numbers |= {
        "molar_mass": np.array([molar_mass(amounts) for amounts in read], dtype=float),
        "elements": np.array([len(amounts) for amounts in read], dtype=float),
        "atoms": np.array([sum(amounts.values()) for amounts in read], dtype=float),
    }
    flags = {
        "charge_neutral": np.array([one.neutral for one in balances], dtype=bool),
        "balanced": np.array([one.balanced for one in balances], dtype=bool),
        "balanced_or_alloy": np.array([one.with_alloys for one in balances], dtype=bool),
        "free_of_hazards": np.array([not one.hazards for one in supplies], dtype=bool),
    }
    numbers["balanced"] = flags["balanced"].astype(float)
    words = {
        "scarcest_element": [one.scarcest for one in supplies],
        "hazards": ["; ".join(one.hazards) for one in supplies],
        "stoichiometry": [_anonymous(amounts) for amounts in read],
    }
    return Described(numbers, flags, words)


def _anonymous(amounts: Mapping[str, float]) -> str:
    """Return the amounts without their elements, such as ``AB2C4``."""
    from scitrain.chem.formula_features import atomic_amounts

    return "".join(f"{chr(65 + i % 26)}{atomic_amounts(value)}" for i, value in enumerate(sorted(amounts.values())))
