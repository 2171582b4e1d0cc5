"""A linear head by its exact minimum, with as much shrinkage as the labels ask for."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scitrain.training.learning import Learning
from scitrain.training.losses import Loss, make_loss
from scitrain.training.weighing import share_out

__all__ = ["LinearHead", "fit_linear_head"]

SHRINKAGES = tuple(10 ** (-k / 2) for k in range(-3, 7))
"""λ of ½ λ |W|² that are tried where none is asked for, the strongest first: each begins from the one before it."""
FOLDS = 5
MANY = 4_000
"""Rows from which a fifth of them is held out once, instead of each fifth in its turn."""
ROUNDS, STEPS = 12, 15
"""Rounds of the final solution, of which each is told like an epoch, and steps of L-BFGS in each."""
TRIED = 60
"""Steps of L-BFGS for each λ that is tried."""
SETTLED = 1e-6
"""Change of the loss in a round below which nothing more is to be had."""


@dataclass(frozen=True)
class LinearHead:
    """ŷ = W f + b on standardised features, of each member."""

    weights: Tensor
    """(members, outputs, width)"""
    biases: Tensor
    """(members, outputs)"""
    shrinkage: float
    why: str
    history: list[dict[str, float]]
    steps: int
    shift: np.ndarray
    """(targets,) of a regression, subtracted from the labels; else 0."""
    scale: np.ndarray
    """(targets,) by which they are divided then; else 1."""


class _Problem:
    """J(W, b) = mean ℓ + ½ λ |W|² of some rows; convex for all losses of classes and of points."""

    def __init__(self, x: Tensor, y: Tensor, loss: Loss, outputs: int) -> None:
        self.x, self.y, self.loss, self.outputs = x, y, loss, outputs

    def start(self) -> Tensor:
        """Return nothing learned: (outputs, width + 1)."""
        return torch.zeros(self.outputs, self.x.shape[1] + 1)

    def solve(self, begin: Tensor, shrinkage: float, rows: Tensor, steps: int) -> Tensor:
        """Return the minimum on ``rows`` as L-BFGS finds it from ``begin``."""
        theta = begin.clone().requires_grad_(True)
        x, y = self.x[rows], self.y[rows]
        search = torch.optim.LBFGS([theta], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            search.zero_grad()
            value = self._of(theta, x, y) + 0.5 * shrinkage * theta[:, :-1].square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        search.step(closure)  # type: ignore[no-untyped-call]
        return theta.detach()

    def score(self, theta: Tensor, rows: Tensor) -> float:
        """Return the proper loss of ``rows``."""
        with torch.no_grad():
            return float(self._of(theta, self.x[rows], self.y[rows], proper=True))

    def _of(self, theta: Tensor, x: Tensor, y: Tensor, proper: bool = False) -> Tensor:
        return self.loss.mean((x @ theta[:, :-1].T + theta[:, -1])[None], y[None], proper)[0]


def fit_linear_head(learning: Learning, asked: float | None, tell: Callable[[int, int], None]) -> LinearHead:
    """Fit the head of each member to features that stand in ``learning`` as rows (n, width), standardised.

    λ is chosen by cross-validation inside the training rows; validation rows choose nothing, they are watched. Several members learn
    from resampled rows (Breiman 1996, doi:10.1007/BF00058655), for they would be the same otherwise.

    Args:
        learning: Features, labels, rows, loss, number of members (`TrainingOptions.ensemble`) and seed.
        asked: λ; None chooses it.
        tell: Told (done, in all).
    """
    options, train = learning.options, learning.train
    y, shift, scale = _labels(learning)
    loss = make_loss(learning.task, options, learning.y[train], learning.n_outputs, "cpu", learning.head)
    if options.task_weights != "uncertainty":  # which are learned beside weights, and these are solved for
        share_out(loss, options.task_weights, learning.slots, "cpu")
    problem = _Problem(torch.from_numpy(learning.x), y, loss, learning.n_outputs * learning.head.columns)
    rows, rng = torch.from_numpy(train), np.random.default_rng(learning.seed)
    shrinkage, why = (asked, "asked for") if asked is not None else _chosen(problem, learning, rng, tell)
    members = 1 if options.ensemble == "auto" else options.ensemble
    found: list[Tensor] = []
    history: list[dict[str, float]] = []
    steps = 0
    for member in range(members):
        own = rows if members == 1 else rows[torch.from_numpy(rng.integers(len(rows), size=len(rows)))]
        theta, told = _final(problem, learning, shrinkage, own)
        found.append(theta)
        history, steps = (told if member == 0 else history), steps + STEPS * len(told)
    whole = torch.stack(found)
    return LinearHead(whole[..., :-1], whole[..., -1], shrinkage, why, history, steps, shift, scale)


def _labels(learning: Learning) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Return the labels as the head learns them, and what brings them back to their unit."""
    shift, scale, y = np.zeros(learning.n_outputs), np.ones(learning.n_outputs), learning.y
    if learning.numbers:
        y = y.astype(np.float64)
    for column, at in learning.numbers:
        known = y[learning.train, column]
        shift[at], spread = float(np.nanmean(known)), float(np.nanstd(known))
        scale[at] = spread if spread > 0 else 1.0
        y[:, column] = (y[:, column] - shift[at]) / scale[at]
    return torch.from_numpy(y.astype(np.float32) if learning.numbers else y), shift, scale


def _chosen(
    problem: _Problem, learning: Learning, rng: np.random.Generator, tell: Callable[[int, int], None]
) -> tuple[float, str]:
    folds = _folds(learning, rng)
    scores = np.zeros(len(SHRINKAGES))
    for done, fold in enumerate(folds):
        tell(done, len(folds) + 1)
        rest = torch.from_numpy(np.setdiff1d(learning.train, fold))
        theta = problem.start()
        for i, shrinkage in enumerate(SHRINKAGES):
            theta = problem.solve(theta, shrinkage, rest, TRIED)
            scores[i] += len(fold) * problem.score(theta, torch.from_numpy(fold))
    how = f"cross-validation in {len(folds)} parts" if len(folds) > 1 else "a fifth of them held out"
    tried = f"of {len(SHRINKAGES)} between {SHRINKAGES[-1]:g} and {SHRINKAGES[0]:.3g}"
    return SHRINKAGES[int(scores.argmin())], f"{tried} the least loss on training rows it was not fitted to ({how})"


def _folds(learning: Learning, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal the training rows, each class evenly."""
    order = rng.permutation(learning.train)
    if learning.task == "multiclass":
        order = order[np.argsort(learning.y[order], kind="stable")]
    folds = [np.sort(order[k :: min(FOLDS, len(order))]) for k in range(min(FOLDS, len(order)))]
    return folds[:1] if len(order) > MANY or len(folds) < 2 else folds


def _final(
    problem: _Problem, learning: Learning, shrinkage: float, rows: Tensor
) -> tuple[Tensor, list[dict[str, float]]]:
    watched = torch.from_numpy(learning.val if len(learning.val) else learning.train)
    history: list[dict[str, float]] = []
    theta, before = problem.start(), np.inf
    for number in range(1, ROUNDS + 1):
        begin = time.monotonic()
        theta = problem.solve(theta, shrinkage, rows, STEPS)
        train_loss, taken = problem.score(theta, rows), time.monotonic() - begin
        losses = {"train_loss": train_loss, "val_loss": problem.score(theta, watched)}
        timing = {"learning_rate": 1.0, "seconds": taken, "samples_per_s": STEPS * len(rows) / max(taken, 1e-9)}
        history.append({"epoch": number, **losses, **timing})
        if abs(before - train_loss) < SETTLED:
            break
        before = train_loss
    return theta, history
