"""What a student learns from: the teacher's own rows and split, what the teacher says of them, and rows without a label."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from scitrain.contracts.modality import Columns
from scitrain.data.prepared import Prepared
from scitrain.errors import DataError, RunStateError, listed
from scitrain.inference import TrainedConfig, load_predictor, read_config
from scitrain.inference.model import batch_size
from scitrain.resources import choose_device
from scitrain.runs import Run
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.workflow.again import prepared_again
from scitrain.workflow.folds import trained_folds
from scitrain.workflow.further import further_rows
from scitrain.workflow.network import Network, represented
from scitrain.workflow.spellings import respelled
from scitrain.workflow.stages import stage

__all__ = ["Lesson", "Teacher", "Unlabelled", "check_teacher", "lesson_of", "read_unlabelled", "teacher_of"]

SAID = "checkpoints/teacher.npz"
DATA = "results/data.json"


@dataclass(frozen=True)
class Teacher:
    """A trained run with its rows, and what it says of them."""

    source: Run
    config: TrainedConfig
    predictor: Predictor
    prepared: Prepared
    said: np.ndarray
    """float32 (n, S) of all its rows, as `scitrain.training.soft.Soft` wants them."""
    error: np.ndarray
    """(targets,) its mean squared error on the validation rows, by which its variance of a regression is made whole; else 0."""
    test: np.ndarray
    """(n_test, …) its predictions of the test rows."""
    x: np.ndarray
    """(n, …) features it reads."""


@dataclass(frozen=True)
class Unlabelled:
    """Rows of which only the teacher speaks."""

    columns: Columns
    x: np.ndarray
    """(n, …) features that the teacher reads."""
    said: np.ndarray
    """float32 (n, S)"""


@dataclass(frozen=True)
class Lesson:
    """Rows for the student, those without a label at the end."""

    x: np.ndarray
    y: np.ndarray
    train: np.ndarray
    said: np.ndarray
    """float32 (n, S)"""
    labelled: int
    """Rows with a label come first, so many of them."""


def check_teacher(source: Run) -> TrainedConfig:
    """Return what the teacher was trained on.

    Raises:
        RunStateError: It holds no model, or is not finished.
    """
    config = read_config(source)
    status = source.record().status
    if status != "completed":
        raise RunStateError(
            f"the teacher {source.id!r} is {status}, and only a completed run can teach; "
            + (
                f"wait for it with get_run(run_id={source.id!r}, wait_s=45)"
                if status in ("queued", "running")
                else f"resume_run(run_id={source.id!r}) goes on with it"
            )
        )
    if folds := trained_folds(source):
        raise RunStateError(
            f"the teacher {source.id!r} is a cross-validation: its network learned from all rows, and none are left to judge a "
            f"student by; take the network of a fold, such as run={folds[0].trained.id!r}"
        )
    if config.weights == "int8":
        raise RunStateError(
            f"the teacher {source.id!r} is an int8 file, which shows no logits; take the run it was made from, "
            f"run={source.record().parents[0]!r}"
        )
    return config


def teacher_of(source: Run, run: Run) -> Teacher:
    """Load the teacher and its rows, and note once what it says of them.

    Raises:
        DataError: Its data changed since: then it is not known which rows it has seen.
    """
    config = check_teacher(source)
    prepared = prepared_again(source, run)
    _refuse_changed(source, config, prepared)
    x = represented(prepared, config.featuriser_object(), run)
    predictor = load_predictor(source).to(choose_device()[0])
    with stage(run, "teacher", "asking the teacher"):
        said = _noted(run, predictor, x)
        error = _error(prepared, said)
        test = predict_array(predictor, x[prepared.split["test"]], batch_size(x.shape[1:])).prediction
    return Teacher(source, config, predictor, prepared, _whole(said, error), error, test, x)


def _error(prepared: Prepared, said: np.ndarray) -> np.ndarray:
    """Return what the members' spread does not know of: that they err together."""
    if prepared.task != "regression":
        return np.zeros(0)
    rows = prepared.split["val"]
    squares = (said[rows, : len(prepared.targets)] - prepared.y[rows]) ** 2
    known = np.isfinite(squares)
    return np.asarray(np.where(known, squares, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _whole(said: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return what the teacher says with its variances made whole: spread of the members and common error."""
    said = said.copy()
    said[:, said.shape[1] - len(error) :] += error
    return said


def _refuse_changed(source: Run, config: TrainedConfig, prepared: Prepared) -> None:
    known = source.read_json(DATA).get("fingerprint") if (source.path / DATA).is_file() else None
    if known is not None and known != prepared.report.get("fingerprint"):
        raise DataError(
            f"{config.source} changed since {source.id} was trained on it, so it is not known which of its rows the teacher has seen; "
            "put the file back as it was, or train the teacher again"
        )
    if tuple(prepared.targets) != tuple(config.targets) or prepared.task != config.task:
        now, then = (
            listed(f"{t.name}: {listed(t.classes or ('numbers',))}" for t in found)
            for found in (prepared.targets, config.targets)
        )
        raise DataError(
            f"the labels of {config.source} ({now}) are not those the teacher {source.id} was trained on ({then}); train it again"
        )


def _noted(run: Run, predictor: Predictor, x: np.ndarray) -> np.ndarray:
    """Return what the teacher says of rows (n, …), kept in the run so that one that goes on need not ask again."""
    path = run.path / SAID
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            if len(kept["said"]) == len(x):
                return np.array(kept["said"])
    said = _say(predictor, x)
    partial = run.file(f"{SAID}.part.npz")
    np.savez(partial, said=said)
    partial.replace(path)
    return said


def _say(predictor: Predictor, x: np.ndarray) -> np.ndarray:
    """Return logits before the temperature, or mean and variance over the members of a regression, float32 (n, S)."""
    regression = predictor.task == "regression"
    found = predict_array(predictor, x, batch_size(x.shape[1:]), logits=not regression)
    parts = [found.prediction, found.spread**2] if regression else [found.prediction]
    return np.concatenate(parts, axis=1).astype(np.float32)


def read_unlabelled(path: str, teacher: Teacher, run: Run) -> Unlabelled:
    """Read rows without labels, leave out those that are among the teacher's own, and ask the teacher about the others.

    Raises:
        UnknownNameError: The file lacks a column that the teacher reads.
        DataError: No row is new and readable.
    """
    found = further_rows(path, teacher.prepared, teacher.config.featuriser_object(), run)
    with stage(run, "teacher", f"asking the teacher about {len(found.x):,} rows without labels"):
        return Unlabelled(found.columns, found.x, _whole(_say(teacher.predictor, found.x), teacher.error))


def lesson_of(
    teacher: Teacher,
    network: Network,
    unlabelled: Unlabelled | None,
    augment: bool | Literal["auto"] | Sequence[str],
    seed: int,
    run: Run,
) -> Lesson:
    """Return the rows the student is fitted to, as its own network reads them."""
    prepared = teacher.prepared
    # rows are named by their number, so that other spellings of a molecule find what the teacher said of it
    numbered = respelled(replace(prepared, y=np.arange(len(prepared.y))), network, augment, seed, run)
    origin = numbered.y.astype(np.int64)
    y, said = prepared.y[origin], teacher.said[origin]
    if unlabelled is None:
        return Lesson(numbered.x, y, numbered.train, said, len(y))
    same = network.featuriser == teacher.config.featuriser_object()
    more, bad = (unlabelled.x, {}) if same else network.featuriser.transform(unlabelled.columns)
    good = np.setdiff1d(np.arange(len(more)), np.array(sorted(bad), dtype=np.int64))
    nothing = np.full((len(good), *y.shape[1:]), -1 if prepared.task == "multiclass" else np.nan, dtype=y.dtype)
    train = np.concatenate([numbered.train, np.arange(len(y), len(y) + len(good))])
    x = np.concatenate([numbered.x, more[good]])
    return Lesson(x, np.concatenate([y, nothing]), train, np.concatenate([said, unlabelled.said[good]]), len(y))
