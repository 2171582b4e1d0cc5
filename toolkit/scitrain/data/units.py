"""Units that stand in column headers."""

import re

__all__ = ["split_unit"]

BRACKETED = re.compile(r"^(?P<name>.*\S)\s*[\[(](?P<unit>[^()\[\]]{1,24}(?:\([^()]*\)[^()\[\]]{0,12})?)[\])]\s*$")
NOT_UNITS = {
    "string",
    "str",
    "text",
    "int",
    "integer",
    "float",
    "bool",
    "boolean",
    "y/n",
    "yes/no",
    "0/1",
    "optional",
    "class",
    "label",
    "id",
    "name",
    "date",
}


def split_unit(header: str) -> tuple[str, str | None]:
    """Split ``"yield (MPa)"`` into ``("yield", "MPa")``; a header without a unit gives None.

    A bracket holding a plain number, or a word that names a type, is no unit.
    """
    found = BRACKETED.match(header)
    if found is None:
        return header, None
    unit = found["unit"].strip()
    if unit.lower() in NOT_UNITS or re.fullmatch(r"[\d\s.,;:-]+", unit):
        return header, None
    return found["name"], unit
