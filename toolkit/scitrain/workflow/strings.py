"""Molecules or compositions as strings, with the properties a generator shall heed: read, cleaned, without duplicates."""

import csv
import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import JsonValue

from scitrain.chem.calculated import UNITS, calculate_for, calculated_for
from scitrain.chem.formulas import reduced
from scitrain.data.options import DataOptions
from scitrain.data.read import read
from scitrain.data.roles import as_list, sample_rows
from scitrain.data.source import Broken, Source
from scitrain.data.values import numbers
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.generation.strings import Strings
from scitrain.modalities import MODALITIES
from scitrain.runs import Decision, Run, atomic_write
from scitrain.workflow.stages import ticker

__all__ = ["KINDS", "chosen_rows", "facts_of", "input_of", "keys_of", "merged", "read_strings", "tell"]

KINDS = ("smiles", "formula")
REJECTED = "results/rejected.csv"
FEWEST = 10
"""Strings from which anything can be learned."""


def read_strings(options: DataOptions, properties: Sequence[str], run: Run) -> Strings:
    """Read a column of SMILES or formulas, and the columns of the conditions.

    Raises:
        DataError: No column holds molecules or compositions, or hardly a row is left.
        UnknownNameError: A condition is neither a column nor a property that can be calculated.
    """
    source = read(options.data, run.workspace)
    kind, column = input_of(options, source)
    chosen = chosen_rows(options, len(source))
    keys, rejected = keys_of(source, kind, column, chosen, run)
    values, calculated = _values(source, properties, kind, chosen, run)
    first = {key: i for i, key in reversed(list(enumerate(keys))) if key}
    unique = sorted(first, key=first.__getitem__)
    if len(unique) < FEWEST:
        example = f"; the first that cannot be read: {rejected[0].shown!r}, {rejected[0].reason}" if rejected else ""
        said = f"{source.name}: {len(unique)} different {kind} strings in {column!r}"
        raise DataError(f"{said}, at least {FEWEST} are needed{example}")
    means = merged(keys, unique, values)
    if calculated:
        run.progress("prepare", message="calculating properties")
        means[:, [properties.index(name) for name in calculated]] = calculate_for(kind, unique, calculated)
    tell(run, kind, column, options, rejected)
    stated = {**source.units, **{name: UNITS.get(name, "") for name in calculated}}
    return Strings(
        kind,
        column,
        source.name,
        tuple(unique),
        tuple(properties),
        {name: stated[name] for name in properties if stated.get(name)},
        means,
        frozenset(calculated),
        (*source.broken, *rejected),
        facts_of(source, keys, unique, rejected),
    )


def chosen_rows(options: DataOptions, rows: int) -> np.ndarray:
    """Return the rows that are read: all, or a random sample in their order."""
    if options.max_rows is None or rows <= options.max_rows:
        return np.arange(rows)
    return np.sort(np.random.default_rng(options.seed).choice(rows, options.max_rows, replace=False))


def keys_of(
    source: Source, kind: str, column: str, chosen: np.ndarray, run: Run
) -> tuple[list[str], tuple[Broken, ...]]:
    """Return the canonical string of each row, empty where it is none, and why it is none."""
    cells = [source.columns[column][int(i)] for i in chosen]
    cleaned = MODALITIES[kind].clean({column: cells}, False, ticker(run, "prepare", "cleaned"))
    bad = cleaned.errors
    texts = ["" if i in bad else text for i, text in enumerate(cleaned.columns[column])]
    rejected = tuple(
        Broken(int(source.lines[chosen[i]]), column, cells[i], why, int(source.rows[chosen[i]]))
        for i, why in sorted(bad.items())
    )
    return [reduced(text) if text and kind == "formula" else text for text in texts], rejected


def facts_of(
    source: Source, keys: Sequence[str], unique: Sequence[str], rejected: Sequence[Broken]
) -> dict[str, JsonValue]:
    """Return what was read and what was left out."""
    return {
        "source": source.name,
        "licence": source.licence,
        "rows_read": len(source) + len(source.broken),
        "rows_used": len(keys),
        "strings": len(unique),
        "repeated": sum(bool(key) for key in keys) - len(unique),
        "rejected": dict(Counter(one.reason for one in rejected).most_common(20)),
        "rows_rejected": len(rejected) + len(source.broken),
    }


def input_of(options: DataOptions, source: Source) -> tuple[str, str]:
    """Return modality and column of the strings."""
    asked = as_list(options.inputs)
    for name in asked:
        if name not in source.columns:
            raise UnknownNameError("column", name, list(source.columns))
    if options.modality not in ("auto", *KINDS):
        raise DataError(
            f"modality={options.modality!r}: a generator writes molecules or compositions; take 'smiles' or 'formula'"
        )
    sample = sample_rows(source, options.seed)
    looked = {name: sample[name] for name in asked or source.columns}
    kinds = KINDS if options.modality == "auto" else (options.modality,)
    found = {kind: seen for kind in kinds if (seen := MODALITIES[kind].recognise(looked)) is not None}
    if not found and asked and options.modality != "auto":
        return options.modality, asked[0]
    if not found:
        raise DataError(
            f"{source.name}: no column holds SMILES or formulas (looked at: {listed(looked)}); name it in `inputs` and say `modality`"
        )
    kind = max(found, key=lambda name: found[name].confidence)
    return kind, found[kind].columns[0]


def _values(
    source: Source, properties: Sequence[str], kind: str, chosen: np.ndarray, run: Run
) -> tuple[np.ndarray, list[str]]:
    """Return values (n, properties), and the names of those that are calculated instead of read."""
    values = np.full((len(chosen), len(properties)), np.nan)
    calculated = []
    for at, name in enumerate(properties):
        if name in source.columns:
            read_ = numbers(source.columns[name])
            if read_.bad.any():
                row = int(np.flatnonzero(read_.bad)[0])
                raise DataError(
                    f"condition {name!r} holds {source.columns[name][row]!r} (row {row + 1}), which is no number; a condition is a "
                    "column of numbers"
                )
            values[:, at] = read_.values[chosen]
        elif name in calculated_for(kind):
            calculated.append(name)
        else:
            raise UnknownNameError("column or calculated property", name, [*source.columns, *calculated_for(kind)])
    if calculated:
        run.decide("calculated conditions", list(calculated), "no columns of these names; scitrain calculates them")
    return values, calculated


def merged(keys: Sequence[str], unique: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Return the mean of the known values of each unique key."""
    at = {key: i for i, key in enumerate(unique)}
    owner = np.array([at.get(key, len(unique)) for key in keys])
    total, count = np.zeros((2, len(unique) + 1, values.shape[1]))
    np.add.at(total, owner, np.nan_to_num(values))
    np.add.at(count, owner, np.isfinite(values).astype(float))
    with np.errstate(invalid="ignore"):
        return np.asarray((total / np.where(count > 0, count, np.nan))[:-1])


def tell(run: Run, kind: str, column: str, options: DataOptions, rejected: Sequence[Broken]) -> None:
    """Record the choice of the column, and write the rejected rows."""
    why = "asked for" if options.inputs else f"the column that holds {kind} data"
    run.decide_all([Decision(what="modality", value=kind, why=why), Decision(what="inputs", value=column, why=why)])
    if not rejected:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "value", "reason"])
    writer.writerows([one.line, one.value[:1000], one.reason] for one in rejected)
    atomic_write(run.file(REJECTED), text.getvalue())
