"""Say what each column of a source holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scitrain.data.columns import TextColumn
from scitrain.data.options import DataOptions
from scitrain.data.roles import candidates, id_like, is_split_column, sample_rows
from scitrain.data.source import Source
from scitrain.data.values import Numbers, missing_mask, spelt_numbers, times
from scitrain.modalities import MODALITIES

__all__ = ["Column", "all_yes_no", "profile"]

EXAMPLES = 3
FEW = 50
"""Different words up to which a column is called a category."""
BOOLEANS = ({"0", "1"}, {"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    name: str
    type: str
    """A modality's name, or integer, number, boolean, date, category, text, split, empty."""
    unit: str | None
    missing: int
    distinct: int
    examples: tuple[str, ...]
    note: str
    """Why it is left out, or which cells do not fit; empty where there is nothing to say."""


def profile(source: Source, left_out: Mapping[str, str], seed: int) -> list[Column]:
    """Describe every column."""
    sample = sample_rows(source, seed)
    return [_column(source, name, sample[name], left_out.get(name, "")) for name in source.columns]


def all_yes_no(options: DataOptions, source: Source) -> list[str]:
    """Return the columns that can be targets where there are several and all hold 0 and 1, so that they are learned together."""
    found = candidates(options, source)
    return list(found) if len(found) > 1 and set(found.values()) == {"0/1"} else []


def _column(source: Source, name: str, sample: TextColumn, left_out: str) -> Column:
    cells = source.columns[name]
    kind = _modality(name, sample)
    read = spelt_numbers(cells)
    # A formula may be spelled NaN: in columns that a modality claims, only an empty cell is missing.
    missing = np.asarray(pc.equal(pc.utf8_trim_whitespace(cells.arrow), "")) if kind else missing_mask(cells)
    notes = [left_out] if left_out else []
    if not kind:
        kind, misfits = _plain(name, cells, read)
        notes += [read.remark.removeprefix(", ")] if read.spelling else []
        notes += [_misfit(source, cells, misfits, kind)] if misfits.any() else []
        reason = id_like(name, cells)
        notes += [reason] if reason and not left_out else []
    distinct = pc.unique(cells.arrow.filter(pa.array(~missing)))
    examples = tuple(cell if len(cell) <= 60 else f"{cell[:57]}…" for cell in distinct[:EXAMPLES].to_pylist())
    return Column(name, kind, source.units.get(name), int(missing.sum()), len(distinct), examples, "; ".join(notes))


def _modality(name: str, sample: TextColumn) -> str:
    """Return the modality of a column of its own kind, such as smiles, or an empty string."""
    own = {key: modality for key, modality in MODALITIES.items() if key != "tabular"}
    seen = {
        key: found.confidence
        for key, modality in own.items()
        if (found := modality.recognise({name: sample})) is not None
    }
    return max(seen, key=lambda key: seen[key]) if seen else ""


def _plain(name: str, cells: TextColumn, read: Numbers) -> tuple[str, np.ndarray]:
    """Return the type of a column, and bool (n,): cells that do not fit it."""
    filled = int((~read.missing).sum())
    kind = _type_of_words(name, cells) if filled else "empty"
    if kind:
        return kind, np.zeros(len(cells), dtype=bool)
    finite = read.values[~np.isnan(read.values)]
    if len(finite) >= 0.9 * filled:
        return ("integer" if np.all(finite == np.round(finite)) else "number"), read.bad
    moments = times(cells)
    if moments.bad.sum() <= 0.1 * filled:
        return "date", moments.bad
    few = len(pc.unique(cells.arrow)) <= max(2, min(FEW, filled // 2))
    return ("category" if few else "text"), np.zeros(len(cells), dtype=bool)


def _type_of_words(name: str, cells: TextColumn) -> str:
    """Return a type that is told by which words there are, or an empty string."""
    if is_split_column(name, cells):
        return "split"
    words = set(pc.unique(pc.utf8_lower(pc.utf8_trim_whitespace(cells.arrow[:1000]))).to_pylist()) - {""}
    return "boolean" if any(words <= pair for pair in BOOLEANS) else ""


def _misfit(source: Source, cells: Sequence[str], wrong: np.ndarray, kind: str) -> str:
    where = np.flatnonzero(wrong)
    shown = ", ".join(f"{source.place} {source.lines[i]} {cells[int(i)][:30]!r}" for i in where[:3])
    return f"{len(where):,} cells are no {kind}: {shown}{', …' if len(where) > 3 else ''}"
