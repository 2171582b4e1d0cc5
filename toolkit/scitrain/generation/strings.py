"""What a generator learns from."""

from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.data.source import Broken

__all__ = ["Strings"]


@dataclass(frozen=True)
class Strings:
    """Molecules or compositions, and the properties a generator shall heed."""

    kind: str
    """`smiles` or `formula`"""
    column: str
    source: str
    texts: tuple[str, ...]
    """Canonical SMILES or reduced formulas, each once."""
    properties: tuple[str, ...]
    units: dict[str, str]
    values: np.ndarray
    """float64 (n, properties), NaN where a row has none; of repeated strings their mean."""
    calculated: frozenset[str]
    """Properties that were calculated from the structure."""
    rejected: tuple[Broken, ...]
    facts: dict[str, JsonValue]
