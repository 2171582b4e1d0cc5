"""Train any network whose loss is a function of a batch: language models, diffusion and pretraining, which have no members."""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from scitrain.errors import ScitrainError
from scitrain.resources import SpareMemory, torch_threads
from scitrain.runs import Run
from scitrain.training.adamw import AdamW
from scitrain.training.checkpoints import Checkpoints
from scitrain.training.feeding import mix
from scitrain.training.interrupting import interruptible
from scitrain.training.journal import Journal, peaks
from scitrain.training.precision import Scaler, arithmetic, autocast

__all__ = ["Batch", "Learned", "Lesson", "Pacing", "learn"]

Batch = Mapping[str, Tensor]
"""Tensors of the same rows, by name."""
TELL_SECONDS = 2.0
TINY = 1e-9
KEPT = 3
"""Decimal digits of seconds that are told."""


@dataclass(frozen=True)
class Pacing:
    """How long and how fast, all settled."""

    epochs: int
    learning_rate: float
    weight_decay: float = 0.01
    beta2: float = 0.999
    """Decay of AdamW's mean of squared gradients."""
    warmup: float = 0.05
    """Share of the training over which the rate rises."""
    gradient_clip: float = 1.0
    patience: int = 10
    """Epochs without a better validation loss after which it ends."""
    max_minutes: float | None = None
    average: float = 0.0
    """Decay of the running mean of the weights, which is validated and kept; 0 keeps the weights themselves."""
    seed: int = 42
    device: str = "cpu"
    precision: str = "32"
    checkpoint_seconds: float = 10.0


class Lesson(Protocol):
    """A network, and what it is taught."""

    @property
    def network(self) -> nn.Module:
        """Return what is taught."""

    def steps(self) -> int:
        """Return the optimiser steps of an epoch."""

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``first`` on; they depend on the epoch's number alone."""

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, a scalar."""

    def size(self, batch: Batch) -> int:
        """Return what a batch counts in the speed that is told, such as tokens."""

    def validate(self) -> float:
        """Return the loss of the held-out rows; the network is in evaluation mode."""

    def probe(self, epoch: int) -> dict[str, float]:
        """Return further numbers of an epoch (from 1), such as the share of valid samples."""


@dataclass
class Learned:
    """How a training came out; the network holds the best weights."""

    history: list[dict[str, float]]
    best_epoch: int
    best_loss: float
    stopped: str
    facts: dict[str, JsonValue]


@dataclass
class _State:
    """Where a training stands."""

    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Steps done of the epoch in hand."""
    done: int = 0
    """Steps done in all: fewer than the epochs have where the time ended one of them early."""
    spent: float = 0.0
    """Seconds of earlier processes."""
    cpu: float = 0.0
    """Seconds of CPU of earlier processes."""
    best_loss: float = math.inf
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    total: float = 0.0
    """Sum of the losses of the epoch in hand."""
    taken: float = 0.0
    """Seconds of the epoch in hand before this process."""
    rows: list[dict[str, float]] = field(default_factory=list)


def learn(lesson: Lesson, pacing: Pacing, run: Run, key: str, part: str = "") -> Learned:
    """Train by AdamW under a rate that rises, then falls along a cosine; goes on from the run's last checkpoint of ``key``.

    Where minutes are limited the cosine ends with them, so that the last weights are always those of a small rate.

    Args:
        lesson: Network, batches, loss.
        pacing: How long and how fast.
        run: Told of each epoch.
        key: A hash of all that the weights depend on.
        part: Name of a training that is not the run's last; it has a folder of its own for checkpoints, and leaves no log.

    Raises:
        ScitrainError: The loss diverged.
        CancelledError: Somebody asked the run to stop.
    """
    with torch_threads(), arithmetic(pacing.precision, pacing.device), torch.random.fork_rng(_devices(pacing.device)):
        return _Loop(lesson, pacing, run, key, part).work()


def _devices(device: str) -> list[int]:
    return [torch.cuda.current_device()] if device == "cuda" else []


class _Loop:
    def __init__(self, lesson: Lesson, pacing: Pacing, run: Run, key: str, part: str) -> None:
        self.lesson, self.pacing, self.run, self.part = lesson, pacing, run, part
        self.network = lesson.network.to(pacing.device)
        self.optimizer = AdamW(
            _groups(self.network, pacing.weight_decay), lr=pacing.learning_rate, betas=(0.9, pacing.beta2), fused=True
        )
        self.mean = _Mean(self.network, pacing.average)
        self.scaler = Scaler(pacing.precision)
        self.checkpoints = Checkpoints(run.path / "checkpoints" / part, key, pacing.checkpoint_seconds)
        self.journal = Journal(run, pacing.epochs, pacing.device)
        self.state = _State()
        self.spare = SpareMemory()
        self.began = self.epoch_began = time.monotonic()
        self.cpu_began = time.process_time()
        self._told = 0.0

    def work(self) -> Learned:
        self._take_up()
        with interruptible():
            while not self._over():
                self._epoch()
        if self.state.best:
            self.network.load_state_dict(self.state.best)
        self.network.eval()
        self.journal.close_group()
        learned = self._learned()
        if self.part:
            self._save()  # finished: a resumed run comes here at once
        else:
            self.journal.write({**learned.facts, "stopped": learned.stopped, "best_epoch": learned.best_epoch})
        return learned

    def _over(self) -> bool:
        state, pacing = self.state, self.pacing
        stale = state.epoch - state.best_epoch >= pacing.patience and state.epoch > 0
        return state.epoch >= pacing.epochs or stale or (self._late() and state.epoch > 0)

    def _late(self) -> bool:
        minutes = self.pacing.max_minutes
        return minutes is not None and self._seconds() >= 60 * minutes

    def _seconds(self) -> float:
        return self.state.spent + time.monotonic() - self.began

    def _cpu(self) -> float:
        return self.state.cpu + time.process_time() - self.cpu_began

    def _taken(self) -> float:
        return self.state.taken + time.monotonic() - self.epoch_began

    def _epoch(self) -> None:
        state, steps = self.state, self.lesson.steps()
        self.epoch_began = time.monotonic()
        self.network.train()
        counted = 0
        for batch in self.lesson.batches(state.epoch, state.step):
            counted += self.lesson.size(batch)
            self._step(batch, state.epoch * steps + state.step)
            state.step, state.done = state.step + 1, state.done + 1
            self._tell(steps, counted)
            if self.checkpoints.due():
                self._save()
            if self._late():
                break
        self._close(counted)

    def _step(self, batch: Batch, number: int) -> None:
        pacing = self.pacing
        # drawn anew in each step, so that a training that was interrupted goes on as it would have
        torch.manual_seed(mix(pacing.seed, 3, number))
        moved = {name: tensor.to(pacing.device, non_blocking=True) for name, tensor in batch.items()}
        with autocast(pacing.precision, pacing.device):
            loss = self.lesson.loss(moved)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scaled(loss).backward()  # type: ignore[no-untyped-call]
        rate = self._rate(number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.scaler.unscaled(self._unscale):
            nn.utils.clip_grad_norm_(self.network.parameters(), pacing.gradient_clip)
            self.optimizer.step()
            self.mean.update(number)
        self.state.total += float(loss.detach())
        if not math.isfinite(self.state.total):
            raise ScitrainError(
                f"the loss became {float(loss.detach()):g} in step {number + 1} with learning_rate={pacing.learning_rate:g}: training "
                f"diverged; lower it, for example to {pacing.learning_rate / 10:g}"
            )

    def _unscale(self, factor: float) -> bool:
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, factor)
        return bool(torch.stack(torch._foreach_norm(gradients)).isfinite().all())

    def _rate(self, number: int) -> float:
        pacing = self.pacing
        done = (number + 1) / max(1, pacing.epochs * self.lesson.steps())
        if pacing.max_minutes is not None:
            done = max(done, self._seconds() / (60 * pacing.max_minutes))
        if done < pacing.warmup:
            return pacing.learning_rate * done / pacing.warmup
        return (
            pacing.learning_rate
            * 0.5
            * (1 + math.cos(math.pi * min(1.0, (done - pacing.warmup) / (1 - pacing.warmup))))
        )

    def _tell(self, steps: int, counted: int) -> None:
        now = time.monotonic()
        if now - self._told < TELL_SECONDS:
            return
        self._told = now
        self.spare.give_back()
        pace = counted / max(now - self.epoch_began, TINY)
        state, done = self.state, self.state.epoch + self.state.step / steps
        message = f"epoch {state.epoch + 1}/{self.pacing.epochs}, step {state.step}/{steps}, loss {state.total / state.step:.3g}"
        self.run.progress("train", done, self.pacing.epochs, f"{message}, {pace:,.0f}/s")

    def _close(self, counted: int) -> None:
        """Validate, remember what is best, tell, and begin the next epoch."""
        state = self.state
        state.epoch += 1
        seconds = self._taken()
        self.network.eval()
        with self.mean.in_place(), torch.no_grad(), autocast(self.pacing.precision, self.pacing.device):
            loss = self.lesson.validate()
            if loss < state.best_loss:
                state.best_loss, state.best_epoch = loss, state.epoch
                state.best = {name: t.detach().clone() for name, t in self.network.state_dict().items()}
            further = self.lesson.probe(state.epoch)
        row = {"epoch": state.epoch, "train_loss": state.total / max(state.step, 1), "val_loss": loss, **further}
        pace = counted / max(time.monotonic() - self.epoch_began, TINY)
        rate = self.optimizer.param_groups[0]["lr"]
        timing = {"learning_rate": rate, "seconds": round(seconds, KEPT), "samples_per_s": round(pace, 1)}
        state.step, state.total, state.taken = 0, 0.0, 0.0
        self.journal.add(row | timing)
        if self.checkpoints.due():
            self._save()

    def _save(self) -> None:
        state = self.state
        self.checkpoints.save(
            {
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "mean": self.mean.weights,
                "scaler": self.scaler.state(),
                "numbers": [state.epoch, state.step, state.done, state.best_epoch],
                "sums": [self._seconds(), self._cpu(), state.best_loss, state.total, self._taken()],
                "best": state.best,
                "rows": self.journal.rows or (self.journal.finished[-1] if self.journal.finished else []),
            }
        )

    def _take_up(self) -> None:
        saved = self.checkpoints.load(self.pacing.device)
        if saved is None:
            return
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.mean.weights = saved["mean"]
        self.scaler.load(saved["scaler"])
        state = self.state
        state.epoch, state.step, state.done, state.best_epoch = saved["numbers"]
        state.spent, state.cpu, state.best_loss, state.total, state.taken = saved["sums"]
        state.best = saved["best"]
        self.journal.rows = list(saved["rows"])

    def _learned(self) -> Learned:
        state, pacing = self.state, self.pacing
        reason = (
            "all epochs done"
            if state.done >= pacing.epochs * self.lesson.steps()
            else "max_minutes"
            if self._late()
            else "early stopping"
        )
        rows = self.journal.finished[-1]
        facts: dict[str, JsonValue] = {
            "seconds": round(self._seconds(), KEPT),
            "cpu_seconds": round(self._cpu(), KEPT),
            "device": pacing.device,
            "precision": pacing.precision,
            "learning_rate": pacing.learning_rate,
            "weight_decay": pacing.weight_decay,
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "steps": state.done,
            **{f"peak_{name}": value for name, value in peaks(rows).items()},
        }
        return Learned(rows, state.best_epoch, state.best_loss, reason, facts)


def _groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Return matrices, which decay, and vectors, which do not."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


class _Mean:
    """A running mean of the weights: m ← d·m + (1 − d)·w, with d smaller in the first steps."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = network, decay
        self.weights: dict[str, Tensor] = (
            {name: p.detach().clone() for name, p in network.named_parameters()} if decay else {}
        )

    def update(self, step: int) -> None:
        if not self.decay:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            own: list[Tensor] = list(self.network.parameters())
            torch._foreach_lerp_(list(self.weights.values()), own, 1 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the mean where the weights are, for the time of the block."""
        if not self.decay:
            yield
            return
        own = dict(self.network.named_parameters())
        before = {name: p.detach().clone() for name, p in own.items()}
        with torch.no_grad():
            for name, p in own.items():
                p.copy_(self.weights[name])
        yield
        with torch.no_grad():
            for name, p in own.items():
                p.copy_(before[name])
