"""Prepared data on disk: a folder that appears whole or not at all."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scitrain.data.columns import TextColumn, as_arrow
from scitrain.data.prepared import Prepared, Target
from scitrain.data.source import Broken
from scitrain.runs import Decision

__all__ = ["REJECTED", "REPORT", "first_few", "load", "save", "write_rejected"]

REPORT = "report.json"
REJECTED = "rejected.csv"


def save(prepared: Prepared, folder: Path) -> None:
    """Write everything but ``rejected.csv`` into a folder that nobody reads yet."""
    table = pa.table({name: as_arrow(cells) for name, cells in prepared.columns.items()})
    pq.write_table(table, folder / "columns.parquet", compression="zstd")
    np.save(folder / "y.npy", prepared.y)
    np.save(folder / "rows.npy", prepared.rows)
    np.savez(
        folder / "split.npz", train=prepared.split["train"], val=prepared.split["val"], test=prepared.split["test"]
    )
    record = {
        "key": prepared.key,
        "modality": prepared.modality,
        "task": prepared.task,
        "targets": [target.model_dump(mode="json") for target in prepared.targets],
        "decisions": [decision.model_dump(mode="json") for decision in prepared.decisions],
        "report": prepared.report,
    }
    (folder / REPORT).write_text(
        json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def load(folder: Path) -> Prepared:
    """Read it back."""
    record = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    table = pq.read_table(folder / "columns.parquet")
    with np.load(folder / "split.npz", allow_pickle=False) as split:
        parts = {part: split[part] for part in ("train", "val", "test")}
    return Prepared(
        key=record["key"],
        folder=folder,
        modality=record["modality"],
        task=record["task"],
        targets=tuple(Target.model_validate(target) for target in record["targets"]),
        columns={name: TextColumn(table[name]) for name in table.column_names},
        y=np.load(folder / "y.npy", allow_pickle=False),
        split=parts,
        rows=np.load(folder / "rows.npy", allow_pickle=False),
        decisions=tuple(Decision.model_validate(decision) for decision in record["decisions"]),
        report=record["report"],
    )


def write_rejected(rejected: Iterable[Broken], folder: Path) -> None:
    """Write ``rejected.csv``: line, column, value, reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("line", "column", "value", "reason"))
    writer.writerows((one.line, one.column, one.shown, one.reason) for one in rejected)
    (folder / REJECTED).write_text(text.getvalue(), encoding="utf-8")


def first_few(rejected: Sequence[Broken], place: str, limit: int = 5) -> str:
    """Return the first rejected rows as words for a message."""
    shown = (
        f"{place} {one.line}{f' ({one.column})' if one.column else ''}: {one.reason}{f' ({one.shown!r})' if one.value else ''}"
        for one in rejected[:limit]
    )
    more = f"; … ({len(rejected):,} in all)" if len(rejected) > limit else ""
    return "; ".join(shown) + more
