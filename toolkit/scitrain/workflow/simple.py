"""The simple models, fitted in a process of their own beside the training of the network."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from scitrain.chem.parallel import beside
from scitrain.data.options import Task
from scitrain.data.prepared import Prepared

__all__ = ["BASELINE_SECONDS", "Simple", "SimpleModel", "simple_models"]

BASELINE_SECONDS = 120.0
"""Time for the simple models of a run without a time limit."""


@dataclass(frozen=True)
class SimpleModel:
    """What a simple model said."""

    name: str
    note: str
    """How it was fitted, and what the time or the size cut short."""
    said: Mapping[str, np.ndarray]
    """Predictions by split: (n, targets), or (n, classes) for ``multiclass``."""


Simple = Callable[[], list[SimpleModel]]
"""Waits for what the simple models say."""


@dataclass(frozen=True)
class Question:
    """What the other process needs to know; pickled."""

    task: Task
    features: np.ndarray | tuple[str, int]
    """(n, …) natural features; or the file that holds them and how many of its columns are read."""
    y: np.ndarray
    split: Mapping[str, np.ndarray]
    n_outputs: int
    seconds: float
    n_jobs: int
    seed: int


@contextmanager
def simple_models(
    prepared: Prepared, natural: np.ndarray, seed: int, seconds: float = BASELINE_SECONDS, n_jobs: int = 1
) -> Iterator[Simple]:
    """Fit the simple models to the training rows while the caller goes on; what is yielded waits for what they say.

    Args:
        prepared: Labels and split.
        natural: (n, …) features they read.
        seed: Of samples and forest.
        seconds: Time for all of them together.
        n_jobs: Threads of the forest.
    """
    named = isinstance(natural, np.memmap) and isinstance(natural.filename, str)
    features = (str(natural.filename), natural.shape[1]) if named else natural  # type: ignore[attr-defined]
    question = Question(prepared.task, features, prepared.y, prepared.split, prepared.n_outputs, seconds, n_jobs, seed)
    with beside(fit_simple, question) as answer:
        yield answer


def fit_simple(question: Question) -> list[SimpleModel]:
    """Fit all of them, and return what they say of validation and test rows."""
    from scitrain.evaluation.baselines import Effort, Rows, fit_baselines

    x = question.features
    if isinstance(x, tuple):
        x = np.load(x[0], mmap_mode="r", allow_pickle=False)[:, : x[1]]
    parts = {name: Rows(x[rows], question.y[rows]) for name, rows in question.split.items()}
    effort = Effort(question.seconds, question.n_jobs, question.seed)
    fitted = fit_baselines(question.task, parts["train"], parts["val"], effort, question.n_outputs)
    return [
        SimpleModel(one.name, one.note, {name: one.predict(parts[name].x) for name in parts if name != "train"})
        for one in fitted
    ]
