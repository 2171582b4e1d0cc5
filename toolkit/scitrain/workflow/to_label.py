"""The rows that are worth a label next, as a table for those who measure."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from scitrain.runs import Run, atomic_write
from scitrain.spec import Spec

if TYPE_CHECKING:
    from scitrain.inference import TrainedModel
    from scitrain.inference.labelling import Candidates

__all__ = ["TO_LABEL", "ToLabel", "candidates", "proposed"]

TO_LABEL = "results/to_label.csv"
OWN = ("label_rank", "label_value", "label_reason")
BATCH = 4096


class ToLabel(Spec):
    """A row that is worth a label."""

    rank: int
    """1 is labelled first."""
    row: int
    """Its number in the input, from 1."""
    inputs: dict[str, str]
    value: float
    """Expected value of its label beside those before it, 0 where it tells nothing new."""
    reason: str
    """How unsure the model is of it, and how far it lies from the training rows and from those chosen before."""

    def words(self) -> str:
        """Return it in a line."""
        given = ", ".join(self.inputs.values())
        return f"{self.rank}. row {self.row}, {given if len(given) <= 60 else given[:59] + '…'}: {self.reason}"


def candidates(model: "TrainedModel") -> "Candidates":
    """Return what takes in the predictions of a model; that model must say where rows lie (`TrainedModel.locates`)."""
    from scitrain.inference.labelling import Candidates

    edge = None if model.domain is None else model.domain.threshold
    return Candidates(model.config.slots, model.config.tells_spread, edge)


def proposed(seen: "Candidates", count: int, table: Path, inputs: Mapping[str, str], run: Run) -> list[ToLabel]:
    """Choose at most ``count`` rows of a table of predictions, and write them with their predictions to ``results/to_label.csv``.

    ``inputs`` says what each input column is called in the table.
    """
    picks = seen.best(count)
    names, found = _rows_of(table, {pick.row for pick in picks})
    told = [
        ToLabel(
            rank=rank,
            row=pick.row,
            inputs={name: str(found[pick.row].get(shown) or "") for name, shown in inputs.items()},
            value=round(pick.value, 6),
            reason=seen.reason(pick),
        )
        for rank, pick in enumerate(picks, start=1)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    carried = [name for name in names if name not in OWN]  # of an earlier proposal, where that is predicted again
    writer.writerow([OWN[0], *carried, *OWN[1:]])
    for one in told:
        cells = [found[one.row][name] for name in carried]
        writer.writerow([one.rank, *("" if cell is None else cell for cell in cells), one.value, one.reason])
    atomic_write(run.file(TO_LABEL), text.getvalue())
    return told


def _rows_of(table: Path, wanted: set[int]) -> tuple[list[str], dict[int, dict[str, JsonValue]]]:
    """Return the columns of a table, and some of its rows by number."""
    names, rows = _parquet(table, wanted) if table.suffix.lower() == ".parquet" else _csv(table, wanted)
    return names, {int(str(row["row"])): row for row in rows}


def _csv(table: Path, wanted: set[int]) -> tuple[list[str], list[dict[str, JsonValue]]]:
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows: list[dict[str, JsonValue]] = [dict(row) for row in reader if int(row["row"]) in wanted]
        return list(reader.fieldnames or ()), rows


def _parquet(table: Path, wanted: set[int]) -> tuple[list[str], list[dict[str, JsonValue]]]:
    from pyarrow import parquet

    file = parquet.ParquetFile(table)

    def rows() -> Iterator[dict[str, JsonValue]]:
        for batch in file.iter_batches(batch_size=BATCH):
            there = [i for i, row in enumerate(batch.column("row").to_pylist()) if row in wanted]
            yield from batch.take(there).to_pylist()

    return list(file.schema_arrow.names), list(rows())
