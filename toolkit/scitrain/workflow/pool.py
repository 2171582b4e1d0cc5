"""Judge the folds together, and write down what they say of the model that learned from all rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from scitrain.data.prepared import Prepared
from scitrain.evaluation.conformal import Conformal
from scitrain.evaluation.domain import Domain
from scitrain.evaluation.pooled import FoldsTold, FoldValue, pool
from scitrain.evaluation.problem import Problem
from scitrain.evaluation.report import calibrated
from scitrain.figures.words import with_interval
from scitrain.inference.predictions import joined
from scitrain.runs import Run
from scitrain.training.predictor import Predictor
from scitrain.workflow.fold_rows import FoldRows, read_fold
from scitrain.workflow.folds import FoldRun
from scitrain.workflow.judge import Judged, Judging, calibrate, predicted
from scitrain.workflow.simple import SimpleModel

__all__ = ["FOLDS", "Pooled", "fold_lines", "judge_folds", "pool_folds", "write_folds"]

FOLDS = "results/folds.json"
ROWS = "95 % BCa bootstrap over the pooled rows, each predicted by the network that had not seen it: other rows, the same networks"
OVER_FOLDS = (
    "95 % corrected t interval of the folds' mean (Nadeau & Bengio 2003, doi:10.1023/A:1024068626366): "
    "other rows to learn from too"
)


@dataclass(frozen=True)
class Pooled:
    """What all folds say."""

    prepared: Prepared
    """With every row in ``test``."""
    judged: Judged
    """Numbers and predictions of the folds; calibration and domain of the model that is kept."""
    told: FoldsTold
    runs: Sequence[FoldRun]


def judge_folds(
    prepared: Prepared, x: np.ndarray, predictor: Predictor, how: Judging, runs: Sequence[FoldRun]
) -> Pooled:
    """Calibrate the network that learned from all rows as each fold's was, and judge it by the folds' test rows."""
    found = calibrate(prepared, x, predictor, how)
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    conformal = calibrated(problem, predicted(prepared, "val", found.val, predictor, {}))
    pooled = pool_folds(prepared, runs, how, (conformal, found.domain), predictor.tells_spread)
    return replace(pooled, judged=replace(pooled.judged, temperature=found.temperature))


def pool_folds(
    prepared: Prepared,
    runs: Sequence[FoldRun],
    how: Judging,
    trust: tuple[Conformal | None, Domain | None],
    spread: bool,
) -> Pooled:
    """Judge the pooled rows of the folds.

    Args:
        prepared: All rows.
        runs: Of the folds.
        how: Coverage and seed.
        trust: Intervals or sets, and domain, of the model that is kept.
        spread: Whether it tells how sure it is of each number.
    """
    parts = [read_fold(one.trained, prepared.task == "regression" and spread) for one in runs]
    problem = Problem(prepared.task, prepared.targets, how.coverage, seed=how.seed)
    evaluation, told = pool(problem, [part.fold for part in parts], trust[0])
    names = list(parts[0].fold.test.baselines)
    notes = tuple(SimpleModel(name, "fitted in each fold to that fold's training rows", {}) for name in names)
    judged = Judged(evaluation, notes, None, trust[1], joined([part.said for part in parts]))
    every = replace(prepared, split=prepared.split | {"test": _at(prepared, parts)})
    return Pooled(every, judged, told, runs)


def _at(prepared: Prepared, parts: Sequence[FoldRows]) -> np.ndarray:
    """Return the pooled rows as indices of ``prepared``, by their number in the source."""
    numbers = np.concatenate([part.rows for part in parts])
    order = np.argsort(prepared.rows)
    return np.asarray(order[np.searchsorted(prepared.rows[order], numbers)])


def write_folds(run: Run, pooled: Pooled) -> dict[str, JsonValue]:
    """Write ``results/folds.json``: the runs, each metric over rows and over folds, and what either interval means."""
    said: dict[str, JsonValue] = {
        "run_id": run.id,
        "runs": [_entry(one) for one in pooled.runs],
        "intervals": {"pooled": ROWS, "folds": OVER_FOLDS},
        **pooled.told.model_dump(mode="json"),
    }
    run.write_json(FOLDS, said)
    return said


def _entry(one: FoldRun) -> dict[str, JsonValue]:
    split = one.trained.read_json("results/data.json")["split"]
    sizes = {name: split[name] for name in ("train", "val", "test")}
    return {"fold": one.fold, "run_id": one.run.id, "trained": one.trained.id, **sizes}


def fold_lines(pooled: Pooled) -> list[str]:
    """Return the deciding metric of each fold in words, then their mean with the corrected interval."""
    told = pooled.told
    deciding = [metric for metric in told.metrics if metric.name == told.primary][-1]
    lines = [
        f"fold {one.fold}: test {deciding.title} {with_interval(at, deciding.unit)} ({one.trained.id})"
        for one, at in zip(pooled.runs, deciding.folds, strict=True)
    ]
    if deciding.low is None:
        return lines
    mean = FoldValue(value=deciding.mean, low=deciding.low, high=deciding.high)
    return [
        *lines,
        f"mean of {len(lines)} folds: {deciding.title} {with_interval(mean, deciding.unit)}, corrected t interval",
    ]
