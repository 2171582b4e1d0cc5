"""Sequences to shares of amino acids; self-contained, copied into bundles."""

from typing import Any

import numpy as np

__all__ = ["featurise"]

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def featurise(columns: dict[str, list[str]], options: dict[str, Any]) -> tuple[np.ndarray, list[str | None]]:
    """Return float32 (n, 21), and what is wrong with each sequence."""
    cells = columns[options["column"]]
    problems = [None if cell and set(cell) <= set(LETTERS) else f"{cell!r} is no sequence" for cell in cells]
    array = np.zeros((len(cells), len(LETTERS) + 1), dtype=np.float32)
    for row, cell in enumerate(cells):
        if problems[row] is None:
            array[row] = [*(cell.count(letter) / len(cell) for letter in LETTERS), len(cell)]
    return array, problems
