"""What a training tells while it goes on, and the log it leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue
from pytorch_lightning.loggers import Logger

from scitrain.resources import PeakMemory
from scitrain.runs import Run

__all__ = ["LOG", "MEMORY", "Journal", "OnEpoch", "merged", "peaks"]

LOG = "results/dl_training_log.json"
Row = dict[str, float]
MEMORY = ("memory_mb", "gpu_memory_mb")
"""Most memory of an epoch in MB: resident in the process, and allocated on a CUDA device."""
OnEpoch = Callable[[Row], None]
"""Told the numbers of each epoch; may raise, to end the training."""


@dataclass
class Journal:
    """Rows of numbers, one an epoch; sent to the run's events and to the loggers."""

    run: Run | None
    """None in a helper process, which keeps silent."""
    epochs: int
    """Epochs to be done at most, those of all groups together."""
    device: str
    loggers: Sequence[Logger] = ()
    on_epoch: OnEpoch | None = None
    rows: list[Row] = field(default_factory=list)
    """Rows of the group in training."""
    finished: list[list[Row]] = field(default_factory=list)
    """Rows of the groups before it."""

    def __post_init__(self) -> None:
        self.memory = PeakMemory(self.device)

    def add(self, row: Row) -> None:
        """Take in the numbers of an epoch and tell them."""
        row = row | {
            name: round(taken / 1e6, 1)
            for name, taken in zip(MEMORY, self.memory.read(), strict=True)
            if taken is not None
        }
        self.memory.reset()
        self.rows.append(row)
        if self.run is None:
            return
        self.run.event("epoch", **{"group": len(self.finished), **row})
        done = sum(map(len, self.finished)) + len(self.rows)
        message = f"epoch {done}/{self.epochs}, validation loss {row['val_loss']:.3g}"
        self.run.progress("train", done, self.epochs, message)
        for logger in self.loggers:
            logger.log_metrics({name: value for name, value in row.items() if name != "epoch"}, step=done)
        if self.on_epoch is not None:
            self.on_epoch(row)

    def close_group(self) -> None:
        """Begin the rows of the next group of members."""
        self.finished.append(self.rows)
        self.rows = []

    def write(self, facts: dict[str, JsonValue]) -> None:
        """Write the log file and let the loggers finish."""
        if self.run is not None:
            self.run.write_json(LOG, {"epochs": merged(self.finished), **facts})
        for logger in self.loggers:
            logger.finalize("success")


def merged(groups: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one row an epoch: numbers averaged over the groups that reached it, seconds added up, the most memory."""
    rows: list[Row] = []
    for index in range(max(map(len, groups), default=0)):
        reached = [group[index] for group in groups if index < len(group)]
        row = {name: sum(r[name] for r in reached) / len(reached) for name in reached[0]}
        row |= {"epoch": int(row["epoch"]), "seconds": sum(r["seconds"] for r in reached)}
        rows.append(row | peaks(reached))
    return rows


def peaks(rows: Sequence[Row]) -> Row:
    """Return the most memory of some epochs, by `MEMORY`."""
    return {name: max(row[name] for row in rows) for name in MEMORY if rows and name in rows[0]}
