"""Rows that can be learned from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from scitrain.contracts.modality import Columns
from scitrain.data.options import Task
from scitrain.data.slots import Slot, slots_of
from scitrain.runs import Decision

__all__ = ["Prepared", "Target"]


class Target(BaseModel):
    """One thing that is predicted."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str | None = None
    """None where nobody said one; classes have none."""
    classes: tuple[str, ...] | None = None
    """Labels by class index; for ``binary`` and ``multilabel`` (negative, positive)."""


@dataclass(frozen=True)
class Prepared:
    """Cleaned rows with labels and an explicit split."""

    key: str
    """Content hash of source and options: the name of the cache folder."""
    folder: Path
    """``<workspace>/datasets/<key>``; holds ``rejected.csv`` and ``report.json``."""
    modality: str
    task: Task
    targets: tuple[Target, ...]
    columns: Columns
    """Cleaned input columns, n rows."""
    y: np.ndarray
    """float32 (n, n_targets), NaN where a label is missing, classes by index; for ``multiclass`` int64 (n,) class indices."""
    split: dict[str, np.ndarray]
    """``train``, ``val``, ``test`` → int64 row indices; disjoint, together all rows that are used.

    Where each fold is the test in its turn there are no test rows here: what is kept learns from all."""
    rows: np.ndarray
    """int64 (n,): number of each row in the source, counted from 1 without the header."""
    decisions: tuple[Decision, ...] = ()
    report: dict[str, JsonValue] = field(default_factory=dict)
    """Finite JSON for people, written to ``report.json``:

    - ``source``, ``fingerprint``, ``description``, ``licence``, ``citation``; ``place`` is what a number of a row counts
      (``line``, ``row``, ``record``, ``image``);
    - ``modality``, ``task``, ``input_columns``, ``left_out`` {column: reason}; ``series``, how a long table was read, or null;
    - ``rows_read``, ``rows_kept``, ``rows_rejected``; ``rejected`` {reason: count}, ``rejected_examples``
      [{line, column, value, reason}], the whole list being in ``rejected.csv``; the same for ``rows_changed``, ``changes``,
      ``change_examples``;
    - ``auxiliary`` {source, fingerprint, rows, targets} of a second file whose rows only train, or null; ``targets`` are those that
      they alone have labels of;
    - ``duplicates`` {inputs, conflicting, policy, rows_removed}: inputs that occur more than once, and whose labels disagree;
    - ``targets`` [{name, unit, labelled, missing} and {mean, std, quantiles, histogram {edges, counts}} or {classes {label: count}}];
    - ``split`` {kind, why, groups, folds, train, val, test}; ``folds`` {fold: rows}, or null where one test split was made;
    - ``leaks`` {same_input_in_two_splits, telling_features [{column, target, how}],
      near_copies {test_rows, train_rows, near, share, what, rows} or null};
    - ``warnings`` [sentence].
    """

    @property
    def held_out(self) -> np.ndarray:
        """Rows that no weight was fitted to: the test rows, or those of validation where each fold is the test in its turn."""
        return self.split["test"] if len(self.split["test"]) else self.split["val"]

    @property
    def folds(self) -> tuple[int, ...]:
        """Numbers of the folds, where each is the test in its turn; else none."""
        split = self.report.get("split")
        found = split.get("folds") if isinstance(split, dict) else None
        return tuple(map(int, found)) if isinstance(found, dict) else ()

    @property
    def n_outputs(self) -> int:
        """Number of outputs a network needs: one a number or a pair of classes, else one a class."""
        return self.slots[-1].end

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Where each target lies among them."""
        return slots_of(self.task, self.targets)
