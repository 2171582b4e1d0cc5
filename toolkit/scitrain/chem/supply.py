"""What a composition costs, where its elements come from, how rare and how hazardous they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from scitrain.chem.element_screening import screening
from scitrain.chem.formula_features import element_properties

__all__ = ["HAZARDOUS", "Supply", "molar_mass", "supply"]

HAZARDOUS = ("toxic", "carcinogenic", "radioactive")
"""How a hazard begins that counts; other classes are told and not counted."""


@dataclass(frozen=True)
class Supply:
    """What is known of the elements of one composition; None where no source names all of them."""

    cost: float | None
    """Price of its elements, USD/kg: Σ wᵢ pᵢ over mass fractions w (pymatgen's prices of pure elements, mostly of 2013)."""
    hhi_production: float | None
    """Σ wᵢ HHIᵢ of production, 0…10,000; above 2,500 is concentrated (Gaultois et al. 2013, doi:10.1021/cm400893e)."""
    hhi_reserve: float | None
    """The same of reserves."""
    abundance: float | None
    """Mass of its scarcest element in the earth's crust, mg/kg."""
    scarcest: str
    """That element; empty where none is known."""
    hazards: tuple[str, ...]
    """Elements of concern with the reason, such as ``Pb toxic (ICH Q3D class 1)``."""


def molar_mass(amounts: Mapping[str, float]) -> float:
    """Return the mass of a formula unit, g/mol."""
    masses = _masses()
    return sum(masses[symbol] * amount for symbol, amount in amounts.items())


def supply(amounts: Mapping[str, float]) -> Supply:
    """Look a composition up."""
    known, masses = screening(), _masses()
    total = molar_mass(amounts)
    shares = {symbol: masses[symbol] * amount / total for symbol, amount in amounts.items()}
    crust = {symbol: found for symbol in amounts if (found := known[symbol]["abundance"]) is not None}
    scarcest = min(crust, key=crust.__getitem__, default="")
    hazards = [(symbol, known[symbol]["hazard"]) for symbol in amounts]
    return Supply(
        cost=_mean(shares, {symbol: known[symbol]["cost"] for symbol in amounts}),
        hhi_production=_mean(shares, {symbol: known[symbol]["hhi_production"] for symbol in amounts}),
        hhi_reserve=_mean(shares, {symbol: known[symbol]["hhi_reserve"] for symbol in amounts}),
        abundance=crust[scarcest] if len(crust) == len(amounts) else None,
        scarcest=scarcest,
        hazards=tuple(f"{symbol} {hazard}" for symbol, hazard in hazards if hazard.startswith(HAZARDOUS)),
    )


def _mean(shares: Mapping[str, float], values: Mapping[str, float | None]) -> float | None:
    """Return Σ wᵢ xᵢ, None where an x is unknown."""
    known = [shares[symbol] * value for symbol, value in values.items() if value is not None]
    return sum(known) if len(known) == len(values) else None


@cache
def _masses() -> Mapping[str, float]:
    names, symbols, values = element_properties()
    return dict(zip(symbols, values[:, names.index("atomic_mass")].tolist(), strict=True))
