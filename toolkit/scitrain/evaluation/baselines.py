"""The simple models every network has to beat: mean or majority, ridge or logistic, random forest.

They read the natural features (flattened where a row is not a vector), one model a target on its labelled rows. The
clock only ends what is already going on (trees, penalties, targets), so an unhurried run is the same each time.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV

from scitrain.data.options import Task
from scitrain.data.slots import Slot, own_labels
from scitrain.errors import DataError
from scitrain.evaluation.domain import Standardiser
from scitrain.evaluation.metrics import Array, log_loss

__all__ = ["Baseline", "Effort", "Rows", "fit_baselines"]

WIDEST = 4_096
"""Columns looked at; of more every k-th."""
LINEAR_ROWS = 10_000
"""Rows a linear model is fitted to; of more a random sample."""
TREE_ROWS = 20_000
"""Rows a tree sees; of more each tree draws its own sample, so the forest sees all."""
TREES = 300
"""Most trees of a forest …"""
SETTLED = 0.03
"""… which is grown no further where the last `LATEST` trees moved its predictions by less, in units of their standard deviation."""
LATEST = 50
ALPHAS = np.logspace(-2, 5, 15)
PENALTIES = (0.001, 0.01, 0.1, 1.0)
CHUNK = 20_000
TOO_LARGE = 1e30
"""Beyond it a feature is taken as missing: trees compute in single precision."""

Predict = Callable[[np.ndarray], Array]


@dataclass(frozen=True)
class Rows:
    """Features with labels."""

    x: np.ndarray
    """(n, …) natural features; NaN where missing."""
    y: np.ndarray
    """(n, targets) with NaN where missing, or (n,) class indices."""


@dataclass(frozen=True)
class Effort:
    """What fitting may cost."""

    seconds: float
    """Time for all baselines together."""
    n_jobs: int = 1
    """Threads of the forest."""
    seed: int = 42
    """Seed of the samples and of the forest."""
    clock: Callable[[], float] = time.monotonic
    """A parameter so that a test can hold it."""


@dataclass(frozen=True)
class Baseline:
    """A fitted simple model."""

    name: str
    """``mean``, ``majority``, ``ridge``, ``logistic`` or ``random forest``."""
    note: str
    """How it was fitted, and what the time or the size cut short."""
    predict: Predict
    """(n, …) features → (n, targets) values or probabilities; (n, classes) for ``multiclass``."""


@dataclass(frozen=True)
class Job:
    """One model of one target."""

    task: Task
    train: Rows
    """Labelled rows, features (n, width) without gaps, labels (n,)."""
    val: Rows
    """Labelled validation rows; may be none."""
    n_classes: int
    effort: Effort
    until: float
    """Reading of the clock at which to stop."""
    both: bool = False
    """True where what was chosen on the validation rows is fitted once more to them too."""

    def late(self, step: float = 0.0) -> bool:
        """Tell whether a step of so many seconds would end too late."""
        return self.effort.clock() + step > self.until

    def sample(self, most: int) -> Rows:
        """Return ``most`` of the training rows at random, or all."""
        n = len(self.train.y)
        if n <= most:
            return self.train
        rows = np.sort(np.random.default_rng(self.effort.seed).choice(n, most, replace=False))
        return Rows(self.train.x[rows], self.train.y[rows])


Fit = Callable[[Job], tuple[Predict, str]]
"""Returns the model, (n, width) → (n,) values or (n, classes) probabilities, and its note."""


def fit_baselines(slots: Sequence[Slot], train: Rows, val: Rows, effort: Effort, both: bool = False) -> list[Baseline]:
    """Fit the simple models of each target.

    Args:
        slots: Where each target lies among the outputs.
        train: Rows they are fitted to.
        val: Rows on which the logistic penalty is chosen; the test split has no part in it.
        effort: Time, threads and seed.
        both: Fit to training and validation rows together, beside a network that was.

    Raises:
        DataError: There are no training rows.
    """
    if not len(train.y):
        raise DataError("no training rows for the baselines; at least one is needed")
    begin = effort.clock()
    tasks = {"numbers" if slot.task == "regression" else "classes" for slot in slots}
    flat = _Flat.fit(train.x)
    train, val = Rows(flat.apply(train.x), train.y), Rows(flat.apply(val.x), val.y)
    # the linear model may use a third of the time, the forest all that is left
    plan: list[tuple[str, Fit, float]] = [
        (_named(tasks, "mean", "majority"), _constant, effort.seconds),
        (_named(tasks, "ridge", "logistic"), _linear, effort.seconds / 3),
        ("random forest", _forest, effort.seconds),
    ]
    found = []
    for name, fit, end in plan:
        jobs = []
        for i, slot in enumerate(slots):
            own, held = _labelled(train, slot, i), _labelled(val, slot, i)
            tuned = fit is _linear and slot.task != "regression"
            classes = max(2, slot.end - slot.start)
            jobs.append(
                Job(slot.task, _joined(own, held) if both and not tuned else own, held, classes, effort, 0.0, both)
            )
        predict, notes = _fit_targets(fit, jobs, begin + end)
        found.append(Baseline(name, "; ".join(filter(None, (*notes, flat.note))), _after(flat, predict)))
    return found


def _named(tasks: set[str], numbers: str, classes: str) -> str:
    return f"{numbers} or {classes}" if len(tasks) > 1 else numbers if "numbers" in tasks else classes


def _joined(a: Rows, b: Rows) -> Rows:
    return Rows(np.concatenate([a.x, b.x]), np.concatenate([a.y, b.y]))


def _labelled(rows: Rows, slot: Slot, index: int) -> Rows:
    labels = own_labels(slot, rows.y, index).reshape(-1)
    there = ~np.isnan(labels)
    kept = labels[there].astype(int) if slot.task == "multiclass" else labels[there]
    return Rows(rows.x if there.all() else rows.x[there], kept)


def _fit_targets(fit: Fit, jobs: list[Job], end: float) -> tuple[Predict, list[str]]:
    """Fit target by target, sharing out the time; a target that is not reached gets its mean or class shares."""
    models, notes, missed = [], [], 0
    for i, job in enumerate(jobs):
        now = job.effort.clock()
        timed = replace(job, until=now + (end - now) / (len(jobs) - i))
        known = len(timed.train.y) >= 2 and np.ptp(timed.train.y) > 0
        out_of_time = fit is not _constant and timed.late()
        missed += out_of_time
        model, note = fit(timed) if known and not out_of_time else _constant(timed)
        models.append(model)
        notes.append(note)
    late = f"time ran out before {missed} of {len(jobs)} targets, which get their mean instead" if missed else ""
    tasks = [job.task for job in jobs]
    return (
        lambda x: np.concatenate([_outputs(t, model(x)) for t, model in zip(tasks, models, strict=True)], axis=1)
    ), [*dict.fromkeys(notes), late]


def _outputs(task: Task, prediction: Array) -> Array:
    """Return what a model says as the outputs of its slot: a value, the positive class, or all classes."""
    if task == "multiclass":
        return prediction
    return prediction[:, None] if prediction.ndim == 1 else prediction[:, 1:]


@dataclass(frozen=True)
class _Flat:
    """Rows of any shape as vectors without gaps."""

    step: int
    mean: Array
    note: str

    @classmethod
    def fit(cls, x: np.ndarray) -> "_Flat":
        width = int(np.prod(x.shape[1:]))
        step = -(-width // WIDEST)
        draft = cls(step, np.zeros(1), f"every {step}th of {width:,} features" if step > 1 else "")
        return replace(draft, mean=Standardiser.fit(draft.vectors(x[:CHUNK])).mean)

    def vectors(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x).reshape(len(x), -1)[:, :: self.step]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return float32 (n, width), missing values replaced by the training mean."""
        if not len(x):
            return np.zeros((0, len(self.mean)), dtype=np.float32)
        values = self.vectors(x)
        return np.where(np.abs(values) < TOO_LARGE, values, self.mean).astype(np.float32)


def _after(flat: _Flat, predict: Predict) -> Predict:
    """Put the flattening before a model, a chunk of rows at a time."""
    # an empty batch is one chunk too: it tells the width of the output
    return lambda x: np.concatenate([predict(flat.apply(x[i : i + CHUNK])) for i in range(0, max(len(x), 1), CHUNK)])


def _constant(job: Job) -> tuple[Predict, str]:
    y = job.train.y
    if job.task == "regression":
        mean = float(y.mean()) if len(y) else 0.0
        return (lambda x: np.full(len(x), mean)), ""
    # class shares; without a single label all classes alike
    shares = (
        np.bincount(y.astype(int), minlength=job.n_classes) / len(y)
        if len(y)
        else np.full(job.n_classes, 1 / job.n_classes)
    )
    return (lambda x: np.tile(shares, (len(x), 1))), ""


def _linear(job: Job) -> tuple[Predict, str]:
    return _ridge(job) if job.task == "regression" else _logistic(job)


def _ridge(job: Job) -> tuple[Predict, str]:
    rows = job.sample(LINEAR_ROWS)
    standard = Standardiser.fit(rows.x)
    model = RidgeCV(alphas=ALPHAS).fit(standard.apply(rows.x), rows.y)  # leave-one-out by the closed form
    note = f"penalty chosen by leave-one-out{_sampled(rows, job.train)}"
    return (lambda x: np.asarray(model.predict(standard.apply(x)), dtype=float)), note


def _sampled(rows: Rows, all_rows: Rows) -> str:
    return f", {len(rows.y):,} of {len(all_rows.y):,} rows" if len(rows.y) < len(all_rows.y) else ""


def _logistic(job: Job) -> tuple[Predict, str]:
    """Walk from the strongest penalty to the weakest, each from the last solution; the validation log loss chooses."""
    rows = job.sample(LINEAR_ROWS)
    standard = Standardiser.fit(rows.x)
    x, x_val = standard.apply(rows.x), standard.apply(job.val.x)
    best, least, cut, model = None, np.inf, "", LogisticRegression(warm_start=True, max_iter=200)
    for c in PENALTIES:
        if best is not None and job.late():
            cut = ", cut short by the time"
            break
        with warnings.catch_warnings():
            # an unconverged fit is still a baseline; what it is worth is measured
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(C=c).fit(x, rows.y.astype(int))
        loss = (
            float(log_loss(job.val.y, _spread_out(model, x_val, job.n_classes), np.ones((1, len(job.val.y))))[0])
            if len(x_val)
            else -c
        )
        if best is None or loss < least:
            best, least = copy(model), loss
    chosen = best
    if job.both and chosen is not None and len(x_val):
        again = _joined(Rows(x, rows.y), Rows(x_val, job.val.y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            chosen = LogisticRegression(C=chosen.C, max_iter=200).fit(again.x, again.y.astype(int))
    note = f"C = {chosen.C if chosen else None:g} chosen on validation{cut}{_sampled(rows, job.train)}"
    return (lambda z: _spread_out(chosen, standard.apply(z), job.n_classes)), note


def _spread_out(model: ClassifierMixin, x: np.ndarray, n_classes: int) -> Array:
    """Return probabilities (n, n_classes), 0 for classes that the model never saw."""
    found = np.zeros((len(x), n_classes))
    if len(x):
        found[:, model.classes_] = model.predict_proba(x)
    return found


def _said(forest: RandomForestRegressor | RandomForestClassifier, x: np.ndarray) -> Array:
    """Return predictions (n,) or probabilities (n, classes seen)."""
    return np.asarray(forest.predict(x) if isinstance(forest, RandomForestRegressor) else forest.predict_proba(x))


def _forest(job: Job) -> tuple[Predict, str]:
    """Grow trees in small batches until there are `TREES`, their predictions have settled, or the time is used up."""
    regression = job.task == "regression"
    kind = RandomForestRegressor if regression else RandomForestClassifier
    n = len(job.train.y)
    forest = kind(
        n_estimators=0,
        warm_start=True,
        # Breiman's customs: a third of the features in regression, their square root for classes
        max_features=1 / 3 if regression else "sqrt",
        max_samples=TREE_ROWS if n > TREE_ROWS else None,
        n_jobs=job.effort.n_jobs,
        random_state=job.effort.seed,
    )
    y = job.train.y if regression else job.train.y.astype(int)
    batch, step, cut, last = max(job.effort.n_jobs, 5), 0.0, "", None
    while forest.n_estimators < TREES:
        if forest.n_estimators and job.late(step):
            cut = f" of {TREES}, cut short by the time"
            break
        begin = job.effort.clock()
        forest.set_params(n_estimators=min(forest.n_estimators + batch, TREES)).fit(job.train.x, y)
        step = job.effort.clock() - begin
        if len(job.val.x) and forest.n_estimators % LATEST < batch:
            last, before = _said(forest, job.val.x), last
            if before is not None and np.sqrt(np.mean((last - before) ** 2)) < SETTLED * last.std():
                cut = ", enough for its predictions to settle"
                break
    each = f", each on {TREE_ROWS:,} of {n:,} rows" if n > TREE_ROWS else ""
    note = f"{forest.n_estimators} trees{cut}{each}"
    if regression:
        return (lambda x: np.asarray(forest.predict(x), dtype=float) if len(x) else np.zeros(0)), note
    return (lambda x: _spread_out(forest, x, job.n_classes)), note
