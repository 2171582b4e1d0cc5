"""Chemical formulas to ids of elements and their fractions; self-contained with ``formula_features.py``, which reads formulas.

A bundle has both files beside one another, as this package has.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["FIRST_ELEMENT", "UNIT", "featurise"]

FIRST_ELEMENT = 7
"""Id of hydrogen in every vocabulary of formulas: seven special tokens stand before it."""
UNIT = 1e-7
"""Atomic fractions are told in whole numbers of this; smaller amounts than it no formula has."""


def featurise(columns: dict[str, list[str]], options: dict[str, Any]) -> tuple[np.ndarray, list[str | None]]:
    """Return int64 (n, 2 × length), ids by atomic number and then fractions in `UNIT`, 0 behind both, and what is wrong with each row.

    Options: ``columns``, of which the first is read, and ``length``, the most elements of a formula.
    """
    reader, length = _reader(), int(options["length"])
    index = {symbol: at for at, symbol in enumerate(reader.element_properties()[1], FIRST_ELEMENT)}
    texts = columns[options["columns"][0]]
    array = np.zeros((len(texts), 2 * length), dtype=np.int64)
    problems: list[str | None] = [None] * len(texts)
    for row, text in enumerate(texts):
        try:
            amounts = reader.reduce_amounts(reader.parse_formula(text))
        except reader.FormulaSyntaxError as problem:
            problems[row] = str(problem)
            continue
        if len(amounts) > length:
            problems[row] = f"{len(amounts)} elements; at most {length} are read"
            continue
        found, total = sorted((index[symbol], amount) for symbol, amount in amounts.items()), sum(amounts.values())
        array[row, : len(found)] = [one for one, _ in found]
        array[row, length : length + len(found)] = [max(1, round(amount / total / UNIT)) for _, amount in found]
    return array, problems


@cache
def _reader() -> ModuleType:
    """Load the file that reads formulas from beside this one."""
    path = Path(__file__).with_name("formula_features.py")
    alias = f"{__name__}.formula_features"
    spec = importlib.util.spec_from_file_location(alias, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    spec.loader.exec_module(module)
    return module
