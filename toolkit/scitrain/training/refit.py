"""Train once more, on the validation rows too."""

import math
from dataclasses import replace

import numpy as np

from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.learning import Fitted, Learning
from scitrain.training.unrecorded import Unrecorded

__all__ = ["refit"]

SHORTEST_MINUTES = 0.05


def refit(learning: Learning, first: Fitted, run: Run) -> Fitted:
    """Train on training and validation rows for as many epochs as were best in ``first``, with the rate's whole course.

    There are no rows left by which to stop or to calibrate: both stay with ``first``. The log stays that of ``first`` too.

    Raises:
        ScitrainError: The loss diverged, or memory did not suffice.
        CancelledError: Somebody asked the run to stop.
    """
    epochs = max(1, first.best_epoch)
    rows = np.concatenate([learning.train, learning.val])
    options = learning.options.model_copy(
        update={"epochs": epochs, "patience": epochs, "checkpoint_seconds": math.inf, "loggers": []}
    )
    if learning.options.max_minutes is not None:
        left = learning.options.max_minutes - float(str(first.facts["seconds"])) / 60
        options = options.model_copy(update={"max_minutes": max(left, SHORTEST_MINUTES)})
    run.decide(
        "refit", len(rows), f"rows of training and validation together, for the {epochs} epochs that were best before"
    )
    again = replace(learning, train=rows, val=np.zeros(0, np.int64), options=options)
    return fit(again, Unrecorded(run.path, run.workspace), lambda row: _tell(run, int(row["epoch"]), epochs))


def _tell(run: Run, epoch: int, epochs: int) -> None:
    run.progress("refit", epoch, epochs, f"epoch {epoch}/{epochs} on training and validation rows")
