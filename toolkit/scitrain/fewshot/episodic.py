"""Learn to learn: train a network by episodes on classes that nobody will ask about (Snell 2017, arXiv:1703.05175)."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scitrain.errors import ScitrainError
from scitrain.fewshot.episodes import Drawing, Episode
from scitrain.fewshot.prototypes import Distance, apart_from, centres, fit_temperature

__all__ = ["Checked", "Lessons", "Taught", "teach"]

CHECKS = 20
"""Times that the validation episodes are looked at while training."""
VALIDATION_EPISODES = 100
CLIP = 1.0


@dataclass(frozen=True)
class Lessons:
    """What is trained on, and how long."""

    train: Sequence[np.ndarray]
    """Rows of each base class."""
    val: Sequence[np.ndarray]
    """Rows by class that are no training rows; they choose the best weights."""
    drawing: Drawing
    """Of the training episodes."""
    validation: Drawing
    episodes: int
    learning_rate: float
    distance: Distance


@dataclass(frozen=True)
class Checked:
    """How good the network was after some episodes."""

    episode: int
    train_loss: float | None
    """Mean since the last check, in nats; None before the first episode."""
    val_accuracy: float


@dataclass(frozen=True)
class Taught:
    """How the training went; the network holds its best weights."""

    history: list[Checked]
    best: int
    """Episode of the best validation accuracy; 0 means that training helped nothing and was taken back."""


def teach(network: nn.Module, rows: np.ndarray, lessons: Lessons, tick: Callable[[int, int], None]) -> Taught:
    """Train ``network`` in place on raw rows (n, …): cross-entropy of softmax(−d / T) over the queries of each episode.

    T begins where it fits the untrained network and is learned along. The weights that are best on the validation episodes
    stay; the untrained ones where none is better.

    Raises:
        ScitrainError: The loss became infinite.
        CancelledError: Somebody asked the run to stop.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lessons.drawing.seed)
        return _teach(network, torch.from_numpy(np.array(rows)), lessons, tick)


def _teach(network: nn.Module, rows: Tensor, lessons: Lessons, tick: Callable[[int, int], None]) -> Taught:
    nothing = np.zeros((len(rows), 1))
    checks = [lessons.validation.episode(i, lessons.val, nothing) for i in range(VALIDATION_EPISODES)]
    scale = nn.Parameter(torch.tensor(np.log(_first_temperature(network, rows, lessons, nothing))))
    optimizer = torch.optim.AdamW([*network.parameters(), scale], lr=lessons.learning_rate, weight_decay=0.0)
    history = [Checked(0, None, _accuracy(network, rows, checks, lessons.distance))]
    best, kept, losses = 0, copy.deepcopy(network.state_dict()), []
    every = max(1, lessons.episodes // CHECKS)
    for number in range(1, lessons.episodes + 1):
        network.train()
        one = lessons.drawing.episode(number, lessons.train, nothing)
        loss = _loss(network, rows, one, scale, lessons.distance)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        losses.append(float(loss.detach()))
        if number % every == 0 or number == lessons.episodes:
            history.append(_checked(number, losses, _accuracy(network, rows, checks, lessons.distance), lessons))
            losses = []
            if history[-1].val_accuracy > max(check.val_accuracy for check in history[:-1]):
                best, kept = number, copy.deepcopy(network.state_dict())
        tick(number, lessons.episodes)
    network.load_state_dict(kept)
    network.eval()
    return Taught(history, best)


def _checked(number: int, losses: Sequence[float], accuracy: float, lessons: Lessons) -> Checked:
    mean = float(np.mean(losses))
    if not np.isfinite(mean):
        raise ScitrainError(
            f"the loss became {mean:g} within {number} episodes at learning rate {lessons.learning_rate:g}: training diverged; "
            "look for absurd values with inspect_dataset, or leave train out"
        )
    return Checked(number, mean, accuracy)


def _points(network: nn.Module, rows: Tensor, one: Episode) -> tuple[Tensor, Tensor]:
    """Return support (way, shots, width) and queries (n, width); one pass, so that batch-norm sees the whole episode."""
    chosen = np.concatenate([one.support.ravel(), one.queries.ravel()])
    points: Tensor = network(rows[torch.from_numpy(chosen)])
    return points[: one.support.size].view(*one.support.shape, -1), points[one.support.size :]


def _loss(network: nn.Module, rows: Tensor, one: Episode, scale: Tensor, distance: Distance) -> Tensor:
    support, queries = _points(network, rows, one)
    if distance == "cosine":
        support, queries = functional.normalize(support, dim=-1), functional.normalize(queries, dim=-1)
    prototypes = support.mean(dim=1)
    if distance == "cosine":
        apart = 1.0 - queries @ functional.normalize(prototypes, dim=-1).T
    else:
        apart = (queries[:, None] - prototypes[None]).square().sum(dim=-1)
    return functional.cross_entropy(-apart * torch.exp(-scale), torch.from_numpy(one.answers))


def _accuracy(network: nn.Module, rows: Tensor, checks: Sequence[Episode], distance: Distance) -> float:
    return float(np.mean([(d.argmin(axis=1) == a).mean() for d, a in _told(network, rows, checks, distance)]))


def _told(
    network: nn.Module, rows: Tensor, episodes: Sequence[Episode], distance: Distance
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the distances and answers of the queries of each episode."""
    network.eval()
    found = []
    with torch.no_grad():
        for one in episodes:
            support, queries = (part.double().numpy() for part in _points(network, rows, one))
            found.append((apart_from(queries, centres(list(support), distance), distance), one.answers))
    return found


def _first_temperature(network: nn.Module, rows: Tensor, lessons: Lessons, nothing: np.ndarray) -> float:
    drawn = [lessons.drawing.episode(number, lessons.train, nothing) for number in range(1, 11)]
    told = _told(network, rows, drawn, lessons.distance)
    return fit_temperature(np.concatenate([d for d, _ in told]), np.concatenate([a for _, a in told]))
