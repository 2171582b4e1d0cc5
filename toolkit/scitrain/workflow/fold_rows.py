"""What the run of one fold says of its rows, kept exactly, so that the folds can be judged together."""

import io
from dataclasses import dataclass, fields

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.errors import RunStateError
from scitrain.evaluation.pooled import Fold
from scitrain.evaluation.problem import Predicted
from scitrain.evaluation.report import Evaluation
from scitrain.inference.predictions import Predictions
from scitrain.runs import Run, atomic_write
from scitrain.workflow.judge import Judged, said_of

__all__ = ["FoldRows", "read_fold", "write_fold"]

FILE = "checkpoints/judged.npz"
METRICS = "results/metrics.json"
SAID = ("prediction", "spread", "low", "high", "sets", "inside", "distance", "ends")
"""Fields of `Predictions` that are arrays."""
OF_TEST, OF_VAL = "test/", "val/"


@dataclass(frozen=True)
class FoldRows:
    """Test rows of a fold with all that was said of them."""

    rows: np.ndarray
    """int64 (n,): number of each row in the source."""
    said: Predictions
    fold: Fold


def write_fold(run: Run, prepared: Prepared, judged: Judged) -> None:
    """Keep test rows, predictions and what the simple models say, of a run that has been judged."""
    arrays = {name: getattr(judged.said, name) for name in SAID}
    test, val = prepared.split["test"], prepared.split["val"]
    arrays |= {"rows": prepared.rows[test], "y": prepared.y[test], "val_y": prepared.y[val]}
    arrays |= {"learned": np.array(len(prepared.split["train"]) + len(val))}
    for before, part in ((OF_TEST, "test"), (OF_VAL, "val")):
        arrays |= {before + name: said for name, said in said_of(judged.baselines, part).items()}
    content = io.BytesIO()
    there = {name: array for name, array in arrays.items() if array is not None}
    np.savez_compressed(content, **there)
    atomic_write(run.file(FILE), content.getvalue())


def read_fold(run: Run, spread: bool) -> FoldRows:
    """Read it back; ``spread`` says whether its network tells how sure it is of each number.

    Raises:
        RunStateError: The run has no such file.
    """
    path = run.path / FILE
    if not path.is_file():
        raise RunStateError(
            f"run {run.id!r} has no {FILE}, from which folds are judged together; start the cross-validation anew"
        )
    with np.load(path, allow_pickle=False) as file:
        found = dict(file)
    said = Predictions(**{f.name: found.get(f.name) for f in fields(Predictions) if f.name in SAID})  # type: ignore[arg-type]  # prediction and spread are always there
    test = Predicted(found["y"], said.prediction, said.spread if spread else None, said.inside, _below(found, OF_TEST))
    simple = _below(found, OF_VAL)
    # of validation rows only the simple models are asked: the network's place is held by the labels' own shape
    val = Predicted(
        found["val_y"], next(iter(simple.values()), _nothing(found["val_y"], said.prediction)), baselines=simple
    )
    evaluation = Evaluation.model_validate(
        {name: value for name, value in run.read_json(METRICS).items() if name in Evaluation.model_fields}
    )
    fold = Fold(test, val, said.low, said.high, said.sets, int(found["learned"]), evaluation)
    return FoldRows(found["rows"], said, fold)


def _below(found: dict[str, np.ndarray], before: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(before): array for name, array in found.items() if name.startswith(before)}


def _nothing(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.zeros((len(y), *prediction.shape[1:]))
