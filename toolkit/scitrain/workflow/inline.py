"""Inputs that stand in the request itself; imports nothing heavy."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import WithJsonSchema

from scitrain.contracts.modality import Columns
from scitrain.errors import DataError, listed

__all__ = ["Cell", "Row", "table"]

Cell = str | int | float | bool | None
Row = Annotated[Cell | dict[str, Cell], WithJsonSchema({"type": ["string", "number", "boolean", "object", "null"]})]
"""A value, or an object of columns."""


def table(inputs: Sequence[Row], needed: tuple[str, ...]) -> Columns:
    """Turn inline inputs into text columns.

    Raises:
        DataError: A bare value is given where several columns are needed, or an object lacks or misspells one.
    """
    rows = [value if isinstance(value, dict) else {needed[0]: value} for value in inputs]
    if len(needed) > 1 and any(not isinstance(value, dict) for value in inputs):
        raise DataError(f"this model reads {len(needed)} columns; give each row as an object with {listed(needed)}")
    unknown = sorted({name for row in rows for name in row} - set(needed))
    if unknown:
        raise DataError(f"the model does not read {listed(unknown)}; its columns are {listed(needed)}")
    return {name: [_text(row.get(name)) for row in rows] for name in needed}


def _text(value: Cell) -> str:
    return "" if value is None else str(value)
