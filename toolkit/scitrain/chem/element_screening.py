"""Makes ``element_screening.json``: what candidates are screened by, element for element.

``python -m scitrain.chem.element_screening`` writes it anew from smact's and pymatgen's tables; a test holds the file against what
this module computes. smact itself is needed for that alone: it takes half a second to load and brings fifteen packages along.
"""

import json
import warnings
from functools import cache
from pathlib import Path
from typing import TypedDict

from scitrain.runs import atomic_write

__all__ = ["PATH", "Screening", "build", "screening", "write"]

PATH = Path(__file__).with_name("element_screening.json")


class Screening(TypedDict):
    """What is known of one element; None where the source says nothing."""

    states: list[int]
    """Oxidation states found at least three times in the ICSD of 2024 (smact's default set); empty where there are none."""
    electronegativity: float | None
    """Pauling's, as smact has it."""
    metal: bool
    """Whether smact counts it among the metals, which make alloys."""
    hhi_production: float | None
    """Herfindahl–Hirschman index of production by country, 0…10,000 (one country); Gaultois et al. 2013, doi:10.1021/cm400893e."""
    hhi_reserve: float | None
    """The same of known reserves."""
    cost: float | None
    """Price of the pure element, USD/kg (pymatgen's table, mostly of 2013)."""
    abundance: float | None
    """Mass in the earth's crust, mg/kg (CRC Handbook, from smact)."""
    hazard: str
    """Class of concern, see `hazards`; empty where none is named."""


def hazards() -> dict[str, str]:
    """Return what is said against an element, whatever the compound: a flag to look closer, no toxicity of the compound itself.

    Sources: ICH Q3D(R2) 2022, classes of elemental impurities by toxicity and oral limit (class 1 and thallium, whose limit of
    8 µg a day is as low); IARC Monographs 100C (2012) for beryllium; no stable isotope: IUPAC's table of standard atomic weights.
    """
    found = dict.fromkeys(["As", "Cd", "Hg", "Pb"], "toxic (ICH Q3D class 1)")
    found |= {"Tl": "toxic (ICH Q3D class 2B, 8 µg/day)", "Be": "carcinogenic (IARC group 1)"}
    return found


WATCHED = {
    "ICH Q3D class 2A": ["Co", "Ni", "V"],
    "ICH Q3D class 2B": ["Ag", "Au", "Ir", "Os", "Pd", "Pt", "Rh", "Ru", "Se"],
    "ICH Q3D class 3": ["Ba", "Cr", "Cu", "Li", "Mo", "Sb", "Sn"],
}
"""Elements with a limit, but a higher one: told in the table, not counted as hazardous."""
UNSTABLE = {43, 61, *range(84, 119)}
"""Atomic numbers without a stable isotope; bismuth's half-life is a billion times the age of the universe."""


def build() -> dict[str, Screening]:
    """Return the table by symbol, 118 elements in the order of atomic numbers."""
    from pymatgen.core.periodic_table import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both warn of each gap, which is None here
        symbols = [Element.from_Z(number).symbol for number in range(1, 119)]
        states, indices, prices = _states(), _indices(), _prices()
        own = {symbol: _of_smact(symbol) for symbol in symbols}
    watched = {symbol: kind for kind, members in WATCHED.items() for symbol in members}
    named = hazards()
    return {
        symbol: {
            "states": states.get(symbol, []),
            "electronegativity": own[symbol][0],
            "metal": own[symbol][2],
            "hhi_production": indices.get(symbol, (None, None))[0],
            "hhi_reserve": indices.get(symbol, (None, None))[1],
            "cost": prices.get(symbol),
            "abundance": own[symbol][1],
            "hazard": named.get(symbol, "radioactive" if number in UNSTABLE else watched.get(symbol, "")),
        }
        for number, symbol in enumerate(symbols, 1)
    }


def _of_smact(symbol: str) -> tuple[float | None, float | None, bool]:
    """Return electronegativity, abundance, and whether it is a metal; smact knows 103 elements."""
    import smact

    try:
        element = smact.Element(symbol)
    except (KeyError, NameError):
        return None, None, symbol in smact.metals
    abundance = element.crustal_abundance
    return element.pauling_eneg, float(abundance) if abundance else None, symbol in smact.metals


def _states() -> dict[str, list[int]]:
    from smact.utils.oxidation import ICSD24OxStatesFilter

    rows = ICSD24OxStatesFilter().filter(consensus=3, include_zero=False, commonality="low")
    return {
        str(symbol): [int(state) for state in str(states).split()]
        for symbol, states in zip(rows["element"], rows["oxidation_state"], strict=True)
    }


def _indices() -> dict[str, tuple[float, float]]:
    from pymatgen.analysis.hhi import HHIModel

    found = HHIModel().symbol_hhip_hhir  # type: ignore[no-untyped-call]
    return {symbol: (float(p), float(r)) for symbol, (p, r) in found.items()}


def _prices() -> dict[str, float]:
    from pymatgen.analysis.cost import CostDBElements
    from pymatgen.core.periodic_table import Element

    store = CostDBElements()  # type: ignore[no-untyped-call]
    found: dict[str, float] = {}
    for number in range(1, 119):
        element = Element.from_Z(number)
        for entry in store.get_entries([element]):  # type: ignore[no-untyped-call]
            # the entry's energy is the price of a mole of atoms
            found[element.symbol] = float(f"{entry.energy_per_atom / float(element.atomic_mass) * 1000:.6g}")
    return found


def write(path: Path = PATH) -> None:
    """Write the table as JSON, one element a line."""
    rows = (f"{json.dumps(symbol)}: {json.dumps(row, ensure_ascii=False)}" for symbol, row in build().items())
    atomic_write(path, "{\n" + ",\n".join(rows) + "\n}\n")


@cache
def screening() -> dict[str, Screening]:
    """Return the table as it was shipped."""
    return dict(json.loads(PATH.read_text(encoding="utf-8")))


if __name__ == "__main__":
    write()
