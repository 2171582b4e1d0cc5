"""The simple models, fitted in a process of their own beside the training of the network."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from scitrain.chem.parallel import beside
from scitrain.data.columns import take
from scitrain.data.prepared import Prepared
from scitrain.data.slots import Slot

__all__ = ["Asked", "Simple", "SimpleModel", "simple_models"]

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
class Asked:
    """How the simple models are fitted."""

    seed: int
    """Of samples and forest."""
    n_jobs: int = 1
    """Threads of the forest."""
    refit: bool = False
    """Once more to training and validation rows together, as the network was, before they speak of test rows."""
    seconds: float = BASELINE_SECONDS
    """Time for all of them together."""


@dataclass(frozen=True)
class Question:
    """What the other process needs to know; pickled."""

    slots: tuple[Slot, ...]
    features: np.ndarray | tuple[str, int]
    """(n, …) natural features; or the file that holds them and how many of its columns are read."""
    y: np.ndarray
    split: Mapping[str, np.ndarray]
    asked: Asked


@contextmanager
def simple_models(prepared: Prepared, natural: np.ndarray, asked: Asked) -> Iterator[Simple]:
    """Fit the simple models to the training rows while the caller goes on; what is yielded waits for what they say.

    Args:
        prepared: Labels and split.
        natural: (n, …) features they read.
        asked: How.
    """
    named = isinstance(natural, np.memmap) and isinstance(natural.filename, str)
    features = (str(natural.filename), natural.shape[1]) if named else natural  # type: ignore[attr-defined]
    question = Question(prepared.slots, features, prepared.y, prepared.split, asked)
    with beside(fit_simple, question) as answer:
        yield lambda: [*answer(), *_last_value(prepared)]


def _last_value(prepared: Prepared) -> list[SimpleModel]:
    """Return the forecast that nothing changes, which many a network does not beat; nothing where nothing is forecast."""
    layout = prepared.report.get("series")
    if not isinstance(layout, dict) or not layout["horizon"]:
        return []
    said = {}
    for name in ("val", "test"):
        cells = take(prepared.columns, prepared.split[name])[str(layout["target"])]
        last = np.array([float(cell.rpartition(" ")[2]) for cell in cells])
        said[name] = np.repeat(last[:, None], len(prepared.targets), axis=1)
    return [SimpleModel("last value", "the last value known, for every step", said)]


def fit_simple(question: Question) -> list[SimpleModel]:
    """Fit all of them, and return what they say of validation and test rows."""
    from scitrain.evaluation.baselines import Effort, Rows, fit_baselines

    x, asked = question.features, question.asked
    if isinstance(x, tuple):
        x = np.load(x[0], mmap_mode="r", allow_pickle=False)[:, : x[1]]
    parts = {name: Rows(x[rows], question.y[rows]) for name, rows in question.split.items()}
    effort = Effort(asked.seconds, asked.n_jobs, asked.seed)
    fit = partial(fit_baselines, question.slots, parts["train"], parts["val"], effort)
    first = fit()
    last = fit(both=True) if asked.refit else first
    return [
        SimpleModel(a.name, b.note, {"val": a.predict(parts["val"].x), "test": b.predict(parts["test"].x)})
        for a, b in zip(first, last, strict=True)
    ]
