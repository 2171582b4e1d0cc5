"""Rows of a second file that only train: computed values, say, beside measured ones; what val or test rows hold stays out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from scitrain.data.columns import as_arrow, behind, text_column
from scitrain.data.draft import Draft
from scitrain.data.options import DataOptions
from scitrain.data.roles import as_list
from scitrain.data.source import Broken, Source
from scitrain.data.split import Division
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.modalities import MODALITIES
from scitrain.runs import Decision

__all__ = ["apart", "read_both", "rejoined"]

NO_TABLE = "auxiliary rows stand in a table of a row each; leave `auxiliary` out for images and long tables"
GROUPED = ("scaffold", "chemical_system", "cluster")
"""Kinds of split that keep groups whole; auxiliary rows of a group that val or test rows belong to stay out too."""


def read_both(options: DataOptions, own: Source, other: Source) -> Source:
    """Return both files as one table, the auxiliary rows last.

    Its columns are those of the data and the targets; a cell is empty where a file has no such column.

    Raises:
        DataError: The rows are no plain table.
        UnknownNameError: A named input is in one file alone, or a target in neither.
    """
    if own.layout is not None or own.folder is not None or other.folder is not None:
        raise DataError(NO_TABLE)
    for name in as_list(options.inputs):
        if name not in other.columns:
            raise UnknownNameError(f"column (an input of the data) in {other.name}", name, list(other.columns))
    for name in as_list(options.target):
        if name not in own.columns and name not in other.columns:
            raise UnknownNameError("column", name, [*own.columns, *other.columns])
    names = [*own.columns, *(name for name in as_list(options.target) if name not in own.columns)]
    empty = {id(table): text_column([""] * len(table)) for table in (own, other)}
    cells = [[table.columns.get(name, empty[id(table)]) for table in (own, other)] for name in names]
    return replace(
        own,
        name=f"{own.name} + {other.name}",
        columns={name: behind(first, second) for name, (first, second) in zip(names, cells, strict=True)},
        rows=np.concatenate([own.rows, other.rows + (own.rows.max(initial=0))]),
        lines=np.concatenate([own.lines, other.lines]),
        units={**{name: unit for name, unit in other.units.items() if name in names}, **own.units},
        licence=_both(own.licence, other.licence),
        citation=_both(own.citation, other.citation),
        notes=(*own.notes, *(f"{other.name}: {note}" for note in other.notes)),
        broken=(*own.broken, *named(other.name, other.broken)),
        own=len(own),
        auxiliary=other.name,
        auxiliary_fingerprint=other.fingerprint,
    )


def _both(own: str | None, other: str | None) -> str | None:
    """Return what is stated, of either file."""
    return "; ".join(dict.fromkeys(filter(None, (own, other)))) or None


def named(name: str, broken: Sequence[Broken]) -> tuple[Broken, ...]:
    """Return broken rows with the file that their lines are of."""
    return tuple(replace(one, reason=f"{name}: {one.reason}") for one in broken)


def apart(draft: Draft) -> tuple[Draft, Draft | None]:
    """Return the rows that are divided and the auxiliary ones, None where there are none.

    Raises:
        DataError: The second file lacks an input or all labels.
    """
    source = draft.source
    if source.own is None:
        return draft, None
    is_own = draft.index < source.own
    others = draft.kept(np.flatnonzero(~is_own), rejected=(), decisions=(), split_values=None)
    if len(others.index) == 0:
        names = listed(repr(target.name) for target in draft.targets)
        raise DataError(
            f"no row of {source.auxiliary} has a label of {names}; name its column of labels in `target` too"
        )
    lacking = [name for name in draft.roles.inputs if not _filled(source.columns[name], source.own)]
    if lacking:
        raise DataError(
            f"{source.auxiliary} has no column {listed(map(repr, lacking))}, which the data have as input; name in `inputs` what both have"
        )
    return draft.kept(np.flatnonzero(is_own)), others


def _filled(cells: Sequence[str], start: int) -> bool:
    """Tell whether a cell from ``start`` on holds anything."""
    return bool(pc.max(pc.utf8_length(as_arrow(cells)[start:])).as_py())


def rejoined(draft: Draft, division: Division, others: Draft) -> tuple[Draft, Division]:
    """Put auxiliary rows behind the training rows, without those that resemble a val or test row as the split understands it.

    Raises:
        DataError: Each row is the test in its turn.
    """
    name = others.source.auxiliary
    if division.folds is not None:
        raise DataError(
            "auxiliary rows train beside one split, and here each fold is the test in its turn; say which one is with split={'fold': …}"
        )
    tested = np.concatenate([division.split["val"], division.split["test"]])
    same, kind = _held(draft, tested, others), _kind_of_groups(draft, division)
    akin = np.zeros_like(same) if kind is None else _grouped(draft, tested, others, kind) & ~same
    kept = others.kept(np.flatnonzero(~(same | akin)))
    reasons = ((same, "same input as a val or test row"), (akin, f"of the {kind} of a val or test row"))
    column = draft.roles.inputs[0]
    gone = [
        Broken(others.line(i), column, others.columns[column][i], why)
        for found, why in reasons
        for i in np.flatnonzero(found).tolist()
    ]
    lost = len(others.source) - int(others.source.own or 0) - len(others.index)
    left = [f"{int(found.sum()):,} × {why}" for found, why in reasons if found.any()]
    told = f"of {name} train beside; left out: {listed([f'{lost:,} × repeated, unreadable or without a label', *left])}"
    whole = replace(
        draft,
        index=np.concatenate([draft.index, kept.index]),
        y=np.concatenate([draft.y, kept.y]),
        columns={key: behind(cells, kept.columns[key]) for key, cells in draft.columns.items()},
        identity=np.concatenate([draft.identity, len(draft.index) + kept.identity + draft.identity.max(initial=0)]),
        split_values=None,
        rejected=(*draft.rejected, *named(name, [*others.rejected, *gone])),
        changes=(*draft.changes, *named(name, others.changes)),
        decisions=(*draft.decisions, Decision(what="auxiliary rows", value=len(kept.index), why=told)),
    )
    train = np.concatenate([division.split["train"], len(draft.index) + np.arange(len(kept.index))])
    return whole, replace(division, split=division.split | {"train": train})


def _held(draft: Draft, tested: np.ndarray, others: Draft) -> np.ndarray:
    """Return bool (n,): auxiliary rows whose input a val or test row has."""
    modality = MODALITIES[draft.roles.modality]
    keys = as_arrow(modality.identity(draft.columns)).take(tested)
    return np.isin(np.array(modality.identity(others.columns), dtype=object), np.array(keys.to_pylist(), dtype=object))


def _kind_of_groups(draft: Draft, division: Division) -> str | None:
    """Return what the split keeps whole, None where it is no more than equal inputs."""
    default = MODALITIES[draft.roles.modality].default_split
    kind = default if division.kind == "kfold" and division.groups is not None else division.kind
    return kind if kind in GROUPED else None


def _grouped(draft: Draft, tested: np.ndarray, others: Draft, kind: str) -> np.ndarray:
    """Return bool (n,): auxiliary rows of a group that is held out."""
    columns = {key: behind(cells.take(tested), others.columns[key]) for key, cells in draft.columns.items()}
    groups = MODALITIES[draft.roles.modality].groups(columns, kind) or [""] * (len(tested) + len(others.index))
    held = set(groups[: len(tested)]) - {""}
    return np.array([group in held for group in groups[len(tested) :]], dtype=bool)
