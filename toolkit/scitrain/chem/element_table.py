"""Makes ``element_properties.json``, the table of element properties that the formula features read.

``python -m scitrain.chem.element_table`` writes it anew from pymatgen's and RDKit's periodic tables; a test holds the
file against what this module computes.
"""

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core.periodic_table import Element
from rdkit import Chem

from scitrain.runs import atomic_write

__all__ = ["PATH", "build", "write"]

PATH = Path(__file__).with_name("element_properties.json")
SHELL = {"s": 2, "p": 6, "d": 10, "f": 14}
DEPTH = {"s": 0, "p": 0, "d": 1, "f": 2}
"""How many rows a valence subshell lies below the outermost shell."""
N_ELEMENTS = 118
MAX_STATES = 4
"""Oxidation states kept per element, the commonest first in the charge-balance features."""


def build() -> dict[str, list[Any]]:
    """Return symbols by atomic number, oxidation states, and properties with unit, source and what was filled in."""
    elements = [Element.from_Z(number) for number in range(1, N_ELEMENTS + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of each gap; ``filled`` records them
        return {
            "elements": [element.symbol for element in elements],
            "properties": [_property(name, elements) for name in PROPERTIES],
            "oxidation_states": [_states(element) for element in elements],
        }


def write(path: Path = PATH) -> None:
    """Write the table as JSON, one property a line."""
    table = build()
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in table["properties"])
    lines = [
        f'"elements": {json.dumps(table["elements"])}',
        f'"oxidation_states": {json.dumps(table["oxidation_states"])}',
        f'"properties": [\n{rows}\n]',
    ]
    atomic_write(path, "{" + ",\n".join(lines) + "}\n")


def _property(name: str, elements: list[Element]) -> dict[str, object]:
    """Return one property of all elements, gaps filled from the nearest known element of the same group."""
    unit, source, function = PROPERTIES[name]
    known = {element: value for element in elements if (value := _known(function, element)) is not None}
    filled: dict[str, str] = {}
    values = []
    for element in elements:
        donor = element if element in known else _donor(element, list(known))
        if donor is None:
            values.append(_rounded(float(np.median(list(known.values())))))
            filled[element.symbol] = "median of all known elements: none in its group is known"
            continue
        values.append(_rounded(known[donor]))
        if donor != element:
            filled[element.symbol] = f"value of {donor.symbol}, the nearest known element of its group"
    return {"name": name, "unit": unit, "source": source, "values": values, "filled": filled}


def _known(function: Callable[[Element], object], element: Element) -> float | None:
    """Return the value, or None where the source has none."""
    try:
        value = float(function(element))  # type: ignore[arg-type]  # pymatgen's FloatWithUnit, int or None
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    return value if math.isfinite(value) else None


def _donor(element: Element, known: list[Element]) -> Element | None:
    """Return the known element of the same group with the nearest atomic number."""
    same = [other for other in known if other.group == element.group]
    return min(same, key=lambda other: abs(other.Z - element.Z), default=None)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _valence(element: Element) -> dict[str, int]:
    """Return the electrons in the outermost s, p, d and f subshells.

    The convention of Ward et al. 2016 (doi:10.1038/npjcompumats.2016.28): full d and f shells below a p block count.
    An element without a measured configuration takes that of the element above it.
    """
    while "Electronic structure" not in element.data:
        element = Element.from_row_and_group(element.row - 1, element.group)
    outer: dict[str, tuple[int, int]] = {}
    for shell, kind, count in element.full_electronic_structure:
        outer[kind] = max(outer.get(kind, (0, 0)), (shell, count))
    row = max(shell for shell, _ in outer.values())
    return {kind: outer[kind][1] if kind in outer and outer[kind][0] >= row - DEPTH[kind] else 0 for kind in SHELL}


def _unfilled(kind: str) -> Callable[[Element], object]:
    """Return the function that counts empty places of an occupied valence subshell."""
    return lambda element: (SHELL[kind] - count) if (count := _valence(element)[kind]) else 0


def _states(element: Element) -> list[int]:
    """Return at most four oxidation states, the common ones first."""
    ordered = [*element.common_oxidation_states, *element.icsd_oxidation_states, *element.oxidation_states]
    unique = list(dict.fromkeys(int(state) for state in ordered))
    return (unique or [0])[:MAX_STATES]


def _orbital(kinds: str, pick: Callable[[list[float]], float]) -> Callable[[Element], object]:
    """Return the function that picks among the energies of the valence orbitals of some kinds."""

    def energy(element: Element) -> object:
        energies = element.atomic_orbitals or {}
        row = max((int(name[0]) for name in energies), default=0)
        outer = [value for name, value in energies.items() if name[1] in kinds and int(name[0]) >= row - DEPTH[name[1]]]
        return pick(outer) if outer else None

    return energy


def _log10(function: Callable[[Element], object]) -> Callable[[Element], object]:
    """Return the function's decadic logarithm, for what spans many orders of magnitude."""
    return lambda element: math.log10(float(function(element)))  # type: ignore[arg-type]  # pymatgen's FloatWithUnit


def _covalent_radius(element: Element) -> object:
    return Chem.GetPeriodicTable().GetRcovalent(element.Z)


PROPERTIES: dict[str, tuple[str, str, Callable[[Element], object]]] = {
    "atomic_number": ("", "pymatgen", lambda e: e.Z),
    "mendeleev_number": ("", "pymatgen", lambda e: e.mendeleev_no),
    "iupac_ordering": ("", "pymatgen", lambda e: e.iupac_ordering),
    "atomic_mass": ("u", "pymatgen", lambda e: e.atomic_mass),
    "row": ("", "pymatgen", lambda e: e.row),
    "column": ("", "pymatgen", lambda e: e.group),
    "covalent_radius": ("Å", "RDKit", _covalent_radius),
    "atomic_radius": ("Å", "pymatgen", lambda e: e.data.get("Atomic radius")),
    "van_der_waals_radius": ("Å", "pymatgen", lambda e: e.van_der_waals_radius),
    "ionic_radius": ("Å", "pymatgen", lambda e: e.average_ionic_radius or None),
    "electronegativity": ("Pauling", "pymatgen", lambda e: e.X),
    "ionization_energy": ("eV", "pymatgen", lambda e: e.ionization_energies[0]),
    "second_ionization_energy": ("eV", "pymatgen", lambda e: e.ionization_energies[1]),
    "electron_affinity": ("eV", "pymatgen", lambda e: e.electron_affinity),
    "highest_orbital_energy": ("hartree", "pymatgen", _orbital("spdf", max)),
    "valence_s_energy": ("hartree", "pymatgen", _orbital("s", max)),
    "melting_point": ("K", "pymatgen", lambda e: e.data.get("Melting point")),
    "boiling_point": ("K", "pymatgen", lambda e: e.data.get("Boiling point")),
    "molar_volume": ("cm³/mol", "pymatgen", lambda e: e.data.get("Molar volume")),
    "density": ("kg/m³", "pymatgen", lambda e: e.data.get("Density of solid")),
    "bulk_modulus": ("GPa", "pymatgen", lambda e: e.data.get("Bulk modulus")),
    "log_thermal_conductivity": ("log10 W/(m K)", "pymatgen", _log10(lambda e: e.data.get("Thermal conductivity"))),
    "log_electrical_resistivity": ("log10 Ω m", "pymatgen", _log10(lambda e: e.data.get("Electrical resistivity"))),
    "valence_s": ("electrons", "pymatgen", lambda e: _valence(e)["s"]),
    "valence_p": ("electrons", "pymatgen", lambda e: _valence(e)["p"]),
    "valence_d": ("electrons", "pymatgen", lambda e: _valence(e)["d"]),
    "valence_f": ("electrons", "pymatgen", lambda e: _valence(e)["f"]),
    "valence_electrons": ("electrons", "pymatgen", lambda e: sum(_valence(e).values())),
    "unfilled_s": ("electrons", "pymatgen", _unfilled("s")),
    "unfilled_p": ("electrons", "pymatgen", _unfilled("p")),
    "unfilled_d": ("electrons", "pymatgen", _unfilled("d")),
    "unfilled_f": ("electrons", "pymatgen", _unfilled("f")),
    "unfilled": ("electrons", "pymatgen", lambda e: sum(SHELL[k] - n for k, n in _valence(e).items() if n)),
    "highest_common_oxidation_state": ("", "pymatgen", lambda e: max(e.common_oxidation_states, default=0)),
    "lowest_common_oxidation_state": ("", "pymatgen", lambda e: min(e.common_oxidation_states, default=0)),
    "is_metal": ("", "pymatgen", lambda e: e.is_metal),
    "is_transition_metal": ("", "pymatgen", lambda e: e.is_transition_metal),
    "is_rare_earth": ("", "pymatgen", lambda e: e.is_rare_earth),
}
"""Name → (unit, source, function)."""


if __name__ == "__main__":
    write()
