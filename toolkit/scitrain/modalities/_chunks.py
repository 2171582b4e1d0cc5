"""Runs a ``featurise`` function over many rows in pieces: bounded memory, progress, processes where they pay."""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING

from scitrain.contracts.modality import Columns, Ticker

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Featurise", "featurise_in_chunks", "featurise_in_processes", "only_rows"]

Chunk = dict[str, list[str]]
Featurise = Callable[[Chunk, dict[str, object]], "tuple[np.ndarray, list[str | None]]"]


def featurise_in_chunks(
    featurise: Featurise, columns: Columns, options: dict[str, object], rows: int, tick: Ticker | None
) -> "tuple[np.ndarray, dict[int, str]]":
    """Featurise ``rows`` rows at a time in this process; returns the array (n, …) and the reasons by row."""
    import numpy as np

    total = _length(columns)
    array: np.ndarray | None = None
    errors: dict[int, str] = {}
    for start in range(0, max(total, 1), rows):
        part, problems = featurise(_cut(columns, start, rows), options)
        if array is None:
            array = np.zeros((total, *part.shape[1:]), dtype=part.dtype)
        array[start : start + len(part)] = part
        errors.update({start + row: problem for row, problem in enumerate(problems) if problem})
        if tick is not None:
            tick(min(start + rows, total), total)
    assert array is not None
    return array, errors


def featurise_in_processes(
    featurise: Featurise, columns: Columns, options: dict[str, object], rows: int, tick: Ticker | None
) -> "tuple[np.ndarray, dict[int, str]]":
    """Featurise ``rows`` rows at a time on all CPUs; returns the array (n, …) and the reasons by row."""
    import numpy as np

    total = _length(columns)
    if total <= rows:
        return featurise_in_chunks(featurise, columns, options, rows, tick)
    from scitrain.chem.parallel import parallel_map

    jobs = [(featurise, _cut(columns, start, rows), options) for start in range(0, total, rows)]
    by_row = None if tick is None else lambda done, _: tick(min(done * rows, total), total)
    parts = parallel_map(_apply, jobs, by_row, 1)
    problems = [problem for _, found in parts for problem in found]
    array = np.concatenate([part for part, _ in parts])
    return array, {row: problem for row, problem in enumerate(problems) if problem}


def only_rows(cells: Sequence[str], rows: "np.ndarray") -> Iterator[str]:
    """Walk through the cells of some rows, in the order of the column; a column on disk is read in one go."""
    import numpy as np

    wanted = np.zeros(len(cells), dtype=bool)
    wanted[rows] = True
    return compress(cells, wanted.tolist())


def _apply(job: tuple[Featurise, Chunk, dict[str, object]]) -> "tuple[np.ndarray, list[str | None]]":
    """Do one job in whichever process it arrives."""
    featurise, chunk, options = job
    return featurise(chunk, options)


def _cut(columns: Columns, start: int, rows: int) -> Chunk:
    return {name: list(values[start : start + rows]) for name, values in columns.items()}


def _length(columns: Columns) -> int:
    values: Sequence[str] = next(iter(columns.values()), ())
    return len(values)
