"""Train a predictor."""

import gc
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydantic import JsonValue

from scitrain.errors import ScitrainError
from scitrain.resources import torch_threads
from scitrain.runs import Run
from scitrain.training.auto import Settings, choose, choose_loss
from scitrain.training.checkpoints import Checkpoints
from scitrain.training.feeding import Feed, mix, steps_an_epoch
from scitrain.training.interrupting import interruptible
from scitrain.training.journal import Journal, OnEpoch, merged
from scitrain.training.learning import Fitted, Learning
from scitrain.training.loggers import make_loggers
from scitrain.training.losses import make_loss
from scitrain.training.module import Plan, TrainingModule
from scitrain.training.predictor import Member, Predictor, build_member
from scitrain.training.processes import Processes, helpers
from scitrain.training.quiet import deterministic, quiet
from scitrain.training.soft import SoftLoss
from scitrain.training.team import Team
from scitrain.training.tracker import Tracker
from scitrain.training.transforms import ImageInput, learn_input

__all__ = ["Fitted", "Learning", "fit", "train_members"]

MEMBER_STREAM = 7
"""Keeps the seeds of initial weights apart from those of orders and dropout."""


def fit(learning: Learning, run: Run, on_epoch: OnEpoch | None = None) -> Fitted:
    """Train as ``learning`` says, going on from the run's last checkpoint where there is one of this very training.

    The caller's random states are left as they were. ``on_epoch`` is told the numbers of each epoch; what it raises ends
    the training.

    Raises:
        ScitrainError: The loss diverged, memory did not suffice for a single row, or an option does not fit.
        CancelledError: Somebody asked the run to stop.
    """
    loggers = make_loggers(learning.options.loggers, run.path / "logs", run.id)
    settings, decisions = choose(learning.options, learning.model, learning.shape, len(learning.train))
    run.decide_all(decisions)
    learning = _with_loss(learning, run)
    begin = time.monotonic()
    with helpers(learning, run, settings.processes) as processes:
        journal = Journal(run, 0, settings.device, loggers, on_epoch)
        while True:
            try:
                outcome = train_members(learning, settings, journal, run, processes)
                break
            except (MemoryError, RuntimeError) as error:
                settings = _halved(settings, error, run)
    facts = _facts(outcome, settings, time.monotonic() - begin)
    journal.write(facts)
    return Fitted(
        predictor=outcome.predictor.cpu().eval(),
        history=merged(journal.finished),
        best_epoch=int(np.median(outcome.best_epochs)),
        best_epochs=outcome.best_epochs,
        stopped=outcome.stopped,
        facts=facts,
    )


def _with_loss(learning: Learning, run: Run) -> Learning:
    """Settle the loss of a regression."""
    chosen = choose_loss(learning.options, learning.task, learning.y[learning.train])
    if chosen is None:
        return learning
    loss, why = chosen
    run.decide("loss", loss, why)
    return replace(learning, options=learning.options.model_copy(update={"loss": loss}))


@dataclass
class Outcome:
    """Trained members, and how each group of them ended."""

    predictor: Predictor
    best_epochs: list[int]
    stopped: str
    steps: int


def train_members(learning: Learning, settings: Settings, journal: Journal, run: Run, processes: Processes) -> Outcome:
    """Train all members, together where the network allows, in this process (one of ``processes``)."""
    with (
        quiet(),
        torch_threads(),
        deterministic(learning.options.deterministic, settings.device),
        _own_randomness(settings),
    ):
        return _Session(learning, settings, journal, run, processes).work()


class _Session:
    """One attempt with one batch size."""

    def __init__(
        self, learning: Learning, settings: Settings, journal: Journal, run: Run, processes: Processes
    ) -> None:
        self.learning, self.settings, self.journal, self.run, self.processes = (
            learning,
            settings,
            journal,
            run,
            processes,
        )
        self.predictor = self._build()
        self.groups = self._groups()
        options = learning.options
        self.checkpoints = Checkpoints(run.path / "checkpoints", learning.key(), options.checkpoint_seconds)
        rows = len(learning.train)
        self.steps = steps_an_epoch(rows, settings.batch_size * settings.accumulate)
        self.feed = self._feed()
        self.loss = make_loss(learning.task, options, learning.y[learning.train], learning.n_outputs, settings.device)
        if learning.soft is not None:
            self.loss = SoftLoss(self.loss, learning.soft)
        self.done: list[dict[str, Any]] = []
        self.began = time.monotonic()
        self.spent = 0.0

    def work(self) -> Outcome:
        """Train each group of members, from the last checkpoint on."""
        saved = self.checkpoints.load(self.settings.device)
        self.journal.epochs = self.settings.epochs * len(self.groups)
        self.journal.finished = [] if saved is None else [list(rows) for rows in saved["finished"]]
        self.journal.rows = [] if saved is None else list(saved["rows"])
        self.done = [] if saved is None else saved["done"]
        self.spent = 0.0 if saved is None else saved["spent"]
        for number, group in enumerate(self.groups[len(self.done) :], start=len(self.done)):
            self._train(number, group, None if saved is None else saved["current"])
            saved = None
        return self._outcome()

    def _train(self, number: int, group: Sequence[int], current: dict[str, Any] | None) -> None:
        team = Team([self.predictor.members[k] for k in group], self.settings.device)  # type: ignore[misc]
        options = self.learning.options
        tracker = Tracker(len(group), self.settings.patience, options.top_k)
        plan = self._plan(group)
        self.feed.schedule(list(group), self.learning.seed, self.steps)
        module = TrainingModule(team, self.feed, self.loss, plan, tracker)
        if current is not None:
            module.load(current)
        module.deadline = self._deadline(number)
        module.on_epoch = lambda row: self._after_epoch(number, module, row)
        if not module.exhausted():
            with interruptible():
                self.processes.trainer(self.run.path, plan.epochs - module.epoch, plan.device).fit(module)
        self._close(number, module)

    def _after_epoch(self, number: int, module: TrainingModule, row: dict[str, float]) -> None:
        self.journal.add(row)
        if self.processes.rank == 0 and self.checkpoints.due():
            self._save(module.state())
            self.checkpoints.keep(number, module.tracker.top)

    def _close(self, number: int, module: TrainingModule) -> None:
        tracker = module.tracker
        if tracker.best is not None:
            module.team.restore(tracker.best)
        late = time.monotonic() >= module.deadline
        reason = "early stopping" if tracker.done else ("max_minutes" if late else "all epochs done")
        weights = [_weights(member) for member in module.team.members]
        self.done.append(
            {
                "weights": weights,
                "best_epochs": tracker.best_epoch,
                "stopped": reason,
                "steps": module.epoch * self.steps,
            }
        )
        self.journal.close_group()
        if self.processes.rank == 0:
            self.checkpoints.keep(number, tracker.top)
            self._save(None)

    def _save(self, current: dict[str, object] | None) -> None:
        journal = self.journal
        spent = self.spent + time.monotonic() - self.began
        state: dict[str, object] = {
            "current": current,
            "done": self.done,
            "finished": journal.finished,
            "rows": journal.rows,
            "spent": spent,
        }
        self.checkpoints.save(state)

    def _outcome(self) -> Outcome:
        weights = [w for group in self.done for w in group["weights"]]
        for member, state in zip(self.predictor.members, weights, strict=True):
            member.load_state_dict(state)
        reasons = list(dict.fromkeys(group["stopped"] for group in self.done))
        epochs = [epoch for group in self.done for epoch in group["best_epochs"]]
        return Outcome(self.predictor, epochs, ", ".join(reasons), sum(group["steps"] for group in self.done))

    def _build(self) -> Predictor:
        learning, members = self.learning, []
        inputs, inner = learn_input(learning.shape, learning.x, learning.train)
        for number in range(self.settings.members):
            torch.manual_seed(mix(learning.seed, MEMBER_STREAM, number))
            members.append(build_member(learning.model, inner, learning.n_outputs))
            members[-1].encoder.set_gradient_checkpointing(learning.options.gradient_checkpointing)
        statistics = members[0].encoder.statistics
        if isinstance(inputs, ImageInput) and statistics is not None:
            inputs.fix(*map(np.array, statistics))
        predictor = Predictor(learning.task, inputs, members, learning.n_outputs, inner)
        if learning.task == "regression":
            labels = learning.y[learning.train].astype(np.float64)
            predictor.shift.copy_(torch.from_numpy(np.nanmean(labels, axis=0)))
            spread = np.nanstd(labels, axis=0)
            predictor.scale.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))
        return predictor.to(self.settings.device)

    def _groups(self) -> list[list[int]]:
        members = list(range(self.settings.members))
        first = self.predictor.members[0]
        together = first.encoder.vectorises and not self.learning.options.gradient_checkpointing  # type: ignore[union-attr]
        why = (
            "computed in one vectorised pass"
            if together
            else "one after the other: this network is not faster in one pass"
        )
        if len(members) > 1 and self.processes.rank == 0:
            self.run.decide("ensemble_training", "together" if together else "in turn", why)
        return [members] if together else [[member] for member in members]

    def _feed(self) -> Feed:
        learning = self.learning
        y = learning.y
        if learning.task == "regression":
            y = (y - self.predictor.shift.cpu().numpy()) / self.predictor.scale.cpu().numpy()
        val = learning.val if len(learning.val) else learning.train
        feed = Feed(learning.x, y, learning.train, val, self.predictor.inputs, self.settings.device)
        if learning.soft is not None:
            scales = self.predictor.shift, self.predictor.scale
            feed.y = learning.soft.packed(learning.task, feed.y, learning.train, *scales)
        if self.settings.augment:
            from scitrain.data.augment import augmentations

            feed.augment, feed.mix = augmentations(self.settings.augment, learning.shape)
        return feed

    def _plan(self, group: Sequence[int]) -> Plan:
        options, settings = self.learning.options, self.settings
        return Plan(
            task=self.learning.task,
            epochs=settings.epochs,
            steps=self.steps,
            accumulate=settings.accumulate,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warmup=options.warmup,
            gradient_clip=options.gradient_clip,
            precision=settings.precision,
            device=settings.device,
            seed=self.learning.seed,
            members=tuple(group),
            target_scale=tuple(self.predictor.scale.tolist()),
            rank=self.processes.rank,
            world=self.processes.world,
        )

    def _deadline(self, number: int) -> float:
        """Share what is left of the time equally among the groups to come."""
        minutes = self.learning.options.max_minutes
        if minutes is None:
            return math.inf
        now = time.monotonic()
        left = max(0.0, 60 * minutes - self.spent - (now - self.began))
        return now + left / (len(self.groups) - number)


def _weights(member: Member) -> dict[str, torch.Tensor]:
    """Copy a member's weights; the batches that batch-norm counted are set to zero, for they belong to no best epoch."""
    state: dict[str, torch.Tensor] = member.state_dict()
    return {
        name: tensor.detach().clone() if tensor.is_floating_point() else torch.zeros_like(tensor)
        for name, tensor in state.items()
    }


def _halved(settings: Settings, error: BaseException, run: Run) -> Settings:
    """Return settings with half the batch and twice the accumulation, so that each step stays what it was.

    Raises:
        ScitrainError: A batch of one row is too large already.
    """
    text = str(error).lower()
    memory = (
        isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in text or "can't allocate" in text
    )
    if not memory:
        raise error
    if settings.processes > 1:
        batch = max(1, settings.batch_size // 2)
        raise ScitrainError(
            f"memory ran out with batch_size={settings.batch_size} on {settings.processes} processes, which cannot change it "
            f"while they run; ask for batch_size={batch} and accumulate={settings.accumulate * 2}"
        ) from error
    if settings.batch_size == 1:
        raise ScitrainError(
            f"memory of {settings.device} does not suffice for one row: {error}; take a smaller network, smaller images, "
            "or gradient_checkpointing=true"
        ) from error
    batch = settings.batch_size // 2
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    accumulate = settings.accumulate * -(-settings.batch_size // batch)
    run.decide(
        "batch_size", batch, f"memory ran out at {settings.batch_size}; gradients of {accumulate} batches are added up"
    )
    return replace(settings, batch_size=batch, accumulate=accumulate)


def _facts(outcome: Outcome, settings: Settings, seconds: float) -> dict[str, JsonValue]:
    return {
        "stopped": outcome.stopped,
        "best_epoch": int(np.median(outcome.best_epochs)),
        "best_epochs": list(outcome.best_epochs),
        "steps": outcome.steps,
        "seconds": round(seconds, 3),
        "device": settings.device,
        "processes": settings.processes,
        "precision": settings.precision,
        "batch_size": settings.batch_size,
        "accumulate": settings.accumulate,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "parameters": sum(p.numel() for p in outcome.predictor.parameters()),
        "members": settings.members,
        "augment": list(settings.augment),
    }


def _own_randomness(settings: Settings) -> AbstractContextManager[None]:
    """Return a context after which torch's random states are the caller's again."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if settings.device == "cuda" else [])
