"""Formulas with what is known of them, as a MatT5 learns them: read, cleaned, each formula once."""

from collections.abc import Sequence

import numpy as np

from scitrain.data.options import DataOptions
from scitrain.data.read import read
from scitrain.data.source import Source
from scitrain.data.units import split_unit
from scitrain.data.values import numbers
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.generation.t5.pairs import Pairs, Written
from scitrain.runs import Run
from scitrain.workflow.strings import chosen_rows, facts_of, input_of, keys_of, merged, tell

__all__ = ["read_pairs"]


def read_pairs(options: DataOptions, writes: Sequence[str], run: Run) -> Pairs:
    """Read a column of formulas and the columns that are written; rows without any of these are left out.

    Raises:
        DataError: No column holds compositions, or no row has both.
        UnknownNameError: There is no such column.
    """
    source = read(options.data, run.workspace)
    for name in writes:
        if name not in source.columns:
            raise UnknownNameError("column", name, list(source.columns))
    kind, column = input_of(options, source)
    if kind != "formula":
        raise DataError(f"column {column!r} holds {kind} strings; MatT5 reads formulas: name their column in inputs")
    if column in writes:
        raise DataError(f"writes={list(writes)} names the formulas themselves; name columns of what is known of them")
    chosen = chosen_rows(options, len(source))
    keys, rejected = keys_of(source, kind, column, chosen, run)
    tell(run, kind, column, options, rejected)
    columns = tuple(_written(source, name, chosen) for name in writes)
    first = {key: i for i, key in reversed(list(enumerate(keys))) if key}
    unique = sorted(first, key=first.__getitem__)
    values = np.full((len(chosen), len(columns)), np.nan)
    for at, one in enumerate(columns):
        if one.number:
            values[:, at] = numbers(source.columns[one.name]).values[chosen]
    words = _words(source, columns, chosen, keys, unique)
    means = merged(keys, unique, values)
    known = [i for i in range(len(unique)) if np.isfinite(means[i]).any() or any(words[i])]
    if not known:
        raise DataError(f"{source.name}: no row has a formula and one of {listed(writes)}")
    facts = facts_of(source, keys, unique, rejected) | {"without": len(unique) - len(known), "strings": len(known)}
    return Pairs(
        column,
        source.name,
        tuple(unique[i] for i in known),
        columns,
        means[known],
        tuple(words[i] for i in known),
        facts,
    )


def _written(source: Source, name: str, chosen: np.ndarray) -> Written:
    """Return a column with its unit; one is of numbers where no cell is anything else."""
    read_ = numbers(source.columns[name])
    number = bool(np.isfinite(read_.values[chosen]).any()) and not read_.bad[chosen].any()
    return Written(name=name, unit=source.units.get(name) or split_unit(name)[1], number=number)


def _words(
    source: Source, columns: Sequence[Written], chosen: np.ndarray, keys: Sequence[str], unique: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the words of each formula, of repeated ones those of the first row that has some."""
    found = {key: [""] * len(columns) for key in unique}
    for at, one in enumerate(columns):
        if one.number:
            continue
        for row, key in zip(chosen, keys, strict=True):
            said = source.columns[one.name][int(row)].strip()
            if key and said and not found[key][at]:
                found[key][at] = said
    return [tuple(found[key]) for key in unique]
