"""Rows for classification by descriptions: which column is read, which rows, and their true labels where they are known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np

from scitrain.contracts.modality import Columns
from scitrain.data.columns import TextColumn, take
from scitrain.data.read import read
from scitrain.data.roles import SPLIT_WORDS, as_list, is_split_column
from scitrain.data.source import Source
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.modalities import MODALITIES
from scitrain.runs import Run

__all__ = ["Described", "read_described"]

Kind = Literal["image", "text"]
SAMPLE = 1000
WORDY = 0.5
"""Share of cells with a letter from which a lone column is taken for texts, however short they are."""


@dataclass(frozen=True)
class Described:
    """Rows that are classified."""

    source: str
    modality: Kind
    target: str | None
    """Column with true labels."""
    columns: Columns
    """Cleaned; a row with an error is empty."""
    rows: np.ndarray
    """int64 (n,): number in the source, from 1."""
    y: np.ndarray
    """int64 (n,): true label, −1 where none is known."""
    part: np.ndarray
    """(n,) train, val or test; empty where the source does not say."""
    errors: dict[int, str]

    @property
    def good(self) -> np.ndarray:
        """Rows that can be read."""
        return np.setdiff1d(np.arange(len(self.rows)), np.array(sorted(self.errors), dtype=np.int64))

    def without(self, bad: dict[int, str]) -> "Described":
        """Return the rows with more errors, by index with the reason."""
        return replace(self, errors=bad | self.errors)


def read_described(
    data: str, inputs: str | Sequence[str] | None, target: str | None, labels: Sequence[str], part: str, run: Run
) -> Described:
    """Read the rows that are classified; with a ``target`` and a column that says a split, those of ``part`` and of validation.

    Raises:
        UnknownNameError: A column is not there.
        DataError: No column holds texts or images, or the target has labels that are not described.
    """
    source = read(data, run.workspace)
    for name in (*as_list(inputs), *as_list(target)):
        if name not in source.columns:
            raise UnknownNameError("column", name, list(source.columns))
    target = _target(source, target, labels, run)
    if target in as_list(inputs):
        raise DataError(f"column {target!r} is given both as target and as input; leave it out of one")
    splits = [name for name, cells in source.columns.items() if name != target and is_split_column(name, cells)]
    parts = _parts(source, splits if target is not None else [], part, run)
    if source.broken:
        run.decide("rows left out", len(source.broken), f"they cannot be read; the first: {source.broken[0].reason}")
    modality, chosen, why = _inputs(source, as_list(inputs), {target or "", *splits})
    run.decide("inputs", ", ".join(chosen), why)
    y = _labels(source, target, labels)
    keep = np.flatnonzero(np.isin(parts, ["", part, "val"]))
    cleaned = MODALITIES[modality].clean(take({name: source.columns[name] for name in chosen}, keep), False)
    if len(cleaned.errors) == len(keep):
        raise DataError(
            f"no row of {source.name} can be read as {modality}; the first: {next(iter(cleaned.errors.values()), 'none')}"
        )
    return Described(
        source.name, modality, target, cleaned.columns, source.rows[keep], y[keep], parts[keep], cleaned.errors
    )


def _parts(source: Source, splits: Sequence[str], part: str, run: Run) -> np.ndarray:
    """Return train, val or test of each row, (n,), by the one column that says it; empty where none does.

    Raises:
        DataError: Nothing says which rows are those of ``part``.
    """
    splits = [name for name in splits if {cell.strip().lower() for cell in source.columns[name]} & SPLIT_WORDS.keys()]
    if len(splits) != 1:
        if part == "val":
            raise DataError(
                f"part='val' measures validation rows, and needs a target and one column that says train, val and test; {source.name} has "
                f"{listed(splits) or 'no such column'}; leave part out to measure all labelled rows"
            )
        if splits:
            run.decide("rows", "all labelled rows", f"several columns say a split: {listed(splits)}")
        return np.full(len(source), "", dtype="<U5")
    found = np.array([SPLIT_WORDS.get(cell.strip().lower(), "none") for cell in source.columns[splits[0]]])
    if not (found == part).any():
        raise DataError(
            f"column {splits[0]!r} of {source.name} has no {part} rows; leave part out, or take the other one"
        )
    why = f"column {splits[0]!r} says the split; validation rows may settle confidences"
    run.decide("rows", f"{part} rows of {splits[0]}", why)
    return found


def _target(source: Source, target: str | None, labels: Sequence[str], run: Run) -> str | None:
    """Return the column with true labels: the one that is named, or that of an image folder where it names these labels."""
    default = source.default_target
    if target is not None or default is None or not set(source.columns[default]) & set(labels):
        return target
    run.decide("target", default, f"the target of {source.name}")
    return default


def _inputs(source: Source, said: list[str], apart: set[str]) -> tuple[Kind, list[str], str]:
    columns = {name: source.columns[name] for name in said or source.columns if said or name not in apart}
    sample = {name: take({name: cells}, np.arange(min(SAMPLE, len(cells))))[name] for name, cells in columns.items()}
    found = {name: seen for name in MODALITIES if (seen := MODALITIES[name].recognise(sample)) is not None}
    if "image" in found:
        return "image", list(found["image"].columns), found["image"].reason
    if said:
        return "text", said, "asked for"
    if "text" in found:
        return "text", list(found["text"].columns), found["text"].reason
    wordy = [name for name, cells in sample.items() if _wordy(cells)]
    other = next((name for name in ("smiles", "sequence", "formula", "series") if name in found), None)
    if other is None and len(wordy) == 1:
        return "text", wordy, "the only column with words"
    hint = (
        f"they look like {other} data, which few_shot_classify reads"
        if other
        else "say in inputs which column holds texts or paths of images"
    )
    raise DataError(
        f"no column of {source.name} looks like texts or images (looked at: {listed(columns) or 'none'}); {hint}"
    )


def _wordy(cells: TextColumn) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(any(c.isalpha() for c in cell) for cell in filled) > WORDY * len(filled)


def _labels(source: Source, target: str | None, labels: Sequence[str]) -> np.ndarray:
    if target is None:
        return np.full(len(source), -1)
    place = {name: i for i, name in enumerate(labels)}
    cells = [cell.strip() for cell in source.columns[target]]
    unknown = sorted({cell for cell in cells if cell and cell not in place})
    if unknown:
        near = get_close_matches(unknown[0], labels, n=1)
        meant = f" (did you mean {near[0]!r} by {unknown[0]!r}?)" if near else ""
        raise DataError(
            f"{target!r} holds {listed(map(repr, unknown), 8)}, not named in labels{meant}; describe every class, or leave target out"
        )
    y = np.array([place.get(cell, -1) for cell in cells], dtype=np.int64)
    if not (y >= 0).any():
        raise DataError(f"column {target!r} of {source.name} holds no label; leave target out")
    return y
