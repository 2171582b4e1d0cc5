"""Train a predictor."""

import copy
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from scitrain.resources import cpu_count, torch_threads
from scitrain.runs import Run
from scitrain.training.adapting import AdaptationLoss, AdaptingMember, plain
from scitrain.training.auto import Settings, choose, choose_loss
from scitrain.training.checkpoints import Checkpoints
from scitrain.training.compiling import Compiling, plan_compiling, settle
from scitrain.training.cooling import FEWEST_ROWS
from scitrain.training.feeding import Feed, mix, steps_an_epoch
from scitrain.training.floors import WHY, floors_told
from scitrain.training.interrupting import interruptible
from scitrain.training.journal import Journal, OnEpoch, merged
from scitrain.training.learning import Fitted, Learning
from scitrain.training.loggers import make_loggers
from scitrain.training.losses import make_loss
from scitrain.training.memory import relieved
from scitrain.training.module import Plan, TrainingModule
from scitrain.training.outcome import Outcome, most_memory
from scitrain.training.precision import arithmetic
from scitrain.training.predictor import Member, Predictor, kinds_of
from scitrain.training.processes import Processes, helpers
from scitrain.training.quiet import deterministic, quiet
from scitrain.training.sharded import ShardedTeam
from scitrain.training.sharing import share_out as divide_among
from scitrain.training.soft import SoftLoss
from scitrain.training.team import Team
from scitrain.training.tracker import Tracker
from scitrain.training.transforms import ImageInput
from scitrain.training.weighing import learn_weights, share_out, take_weights

__all__ = ["Fitted", "Learning", "Session", "fit", "train_members"]

RELIEF = ("batch_size", "accumulate", "gradient_checkpointing")
"""Settings that change when memory runs out."""
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
    settings, why = divide_among(settings, learning)
    run.decide_all([*decisions, why])
    learning = _with_loss(learning, run)
    if floors := learning.head.floors:
        run.decide("floor", [*floors_told(floors)], WHY)
    settings = _taken_up(settings, learning, run)
    begin = time.monotonic()
    with helpers(learning, settings, run) as processes:
        journal = Journal(run, 0, settings.device, loggers, on_epoch)
        while True:
            try:
                outcome = train_members(learning, settings, journal, run, processes)
                break
            except (MemoryError, RuntimeError) as error:
                settings = relieved(settings, error, learning, run)
    facts = outcome.facts(settings, time.monotonic() - begin) | most_memory(journal)
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
    """Settle the loss of the numbers."""
    columns = [column for column, _ in learning.numbers]
    y = learning.y[learning.train]
    chosen = choose_loss(learning.options, learning.task, y[:, columns] if y.ndim == 2 else y)
    if chosen is None:
        return learning
    loss, why = chosen
    run.decide("loss", loss, why)
    return replace(learning, options=learning.options.model_copy(update={"loss": loss}))


def train_members(learning: Learning, settings: Settings, journal: Journal, run: Run, processes: Processes) -> Outcome:
    """Train all members, together where the network allows, in this process (one of ``processes``)."""
    with (
        quiet(),
        torch_threads(None if processes.world == 1 else max(1, cpu_count() // processes.local_world)),
        deterministic(learning.options.deterministic, settings.device),
        arithmetic(settings.precision, settings.device),
        _own_randomness(settings),
    ):
        return Session(learning, settings, journal, run, processes).work()


class Session:
    """One attempt with one batch size: predictor, feeding and what trains them."""

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
        if learning.options.task_weights == "uncertainty":
            learn_weights(self.predictor, len(learning.slots))
        if settings.parallel != "fsdp":  # which places the parts of a copy itself
            self.predictor.to(settings.device)
        self.groups = self._groups()
        options = learning.options
        self.checkpoints = Checkpoints(run.path / "checkpoints", learning.key(), options.checkpoint_seconds)
        rows = len(learning.train)
        self.steps = steps_an_epoch(rows, settings.batch_size * settings.accumulate, settings.processes)
        self.feed = self._feed()
        y = learning.y[learning.train]
        self.loss = make_loss(learning.task, options, y, learning.n_outputs, settings.device, learning.head)
        share_out(self.loss, options.task_weights, learning.slots, settings.device)
        if learning.soft is not None:
            self.loss = SoftLoss(self.loss, learning.soft)
        if learning.adaptation is not None:
            self.loss = AdaptationLoss(self.loss, learning.adaptation, list(self.predictor.members))  # type: ignore[arg-type]
        self.done: list[dict[str, Any]] = []
        self.began = time.monotonic()
        self.spent = 0.0
        self.compiling: Compiling | None = None

    def work(self) -> Outcome:
        """Train each group of members, from the last checkpoint on."""
        saved = self.checkpoints.load("cpu" if self.settings.parallel == "fsdp" else self.settings.device)
        self.journal.epochs = self.settings.epochs * len(self.groups)
        self.journal.finished = [] if saved is None else [list(rows) for rows in saved["finished"]]
        self.journal.rows = [] if saved is None else list(saved["rows"])
        self.done = [] if saved is None else saved["done"]
        self.spent = 0.0 if saved is None else saved["spent"]
        self.compiling = None if saved is None else Compiling(**saved["compiling"])
        for number, group in enumerate(self.groups[len(self.done) :], start=len(self.done)):
            self._train(number, group, None if saved is None else saved["current"])
            saved = None
        return self._outcome()

    def _train(self, number: int, group: Sequence[int], current: dict[str, Any] | None) -> None:
        module = self.module(group)
        plan = module.plan
        if current is not None:
            module.load(current)
        module.deadline = self._deadline(number)
        self._compile(module)
        module.on_epoch = lambda row: self._after_epoch(number, module, row)
        if not module.exhausted():
            with interruptible():
                self.processes.trainer(self.run.path, plan.epochs - module.epoch, plan.device).fit(module)
        self._close(number, module)

    def module(self, group: Sequence[int]) -> TrainingModule:
        """Return what trains a group of members, fed in their orders."""
        team = self._team([self.predictor.members[k] for k in group])  # type: ignore[misc]
        tracker = Tracker(len(group), self.settings.patience, self.learning.options.top_k, self.learning.keeps_last)
        self.feed.schedule(list(group), self.learning.seed, self.steps)
        return TrainingModule(team, self.feed, self.loss, self._plan(group), tracker)

    def _team(self, members: list[Member]) -> Team | ShardedTeam:
        if self.settings.parallel == "fsdp":
            return ShardedTeam(copy.deepcopy(members[0]), self.settings.device)
        team = Team(members, self.settings.device, self.learning.start.paces(members[0]))
        if self.learning.start.sparse:
            team.keep_zeros()
        return team

    def _compile(self, module: TrainingModule) -> None:
        """Compile or not, as was chosen for the first group, before an interruption even; where it is open, measure."""
        asked = self.settings.compile
        if self.compiling is None and asked is not False and not module.exhausted():
            self.compiling = settle(module, asked)
            if self.processes.rank == 0:
                self.run.decide("compile", self.compiling.used, self.compiling.why)
        elif self.compiling is not None and self.compiling.used:
            able, why = plan_compiling(True, self.settings.device, self.settings.processes)
            self.compiling = replace(self.compiling, used=bool(able), why=self.compiling.why if able else why)
            module.team.compile(self.compiling.used)

    def _after_epoch(self, number: int, module: TrainingModule, row: dict[str, float]) -> None:
        self.journal.add(row)
        if not module.agreed(self.checkpoints.due()):
            return
        state = module.state()
        if self.processes.rank == 0:
            self._save(state)
            self.checkpoints.keep(number, module.tracker.top)

    def _close(self, number: int, module: TrainingModule) -> None:
        tracker = module.tracker
        if tracker.best is not None:
            module.team.restore(tracker.best)
        late = time.monotonic() >= module.deadline
        reason = "early stopping" if tracker.done else ("max_minutes" if late else "all epochs done")
        weights = [_weights(state) for state in module.team.states()]
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
            "compiling": self._chosen().facts(),
            "settings": {name: getattr(self.settings, name) for name in RELIEF},
        }
        self.checkpoints.save(state)

    def _outcome(self) -> Outcome:
        weights = [w for group in self.done for w in group["weights"]]
        if self.processes.rank == 0:  # the others' weights may be parts, and serve nobody
            for member, state in zip(self.predictor.members, weights, strict=True):
                member.load_state_dict(state)
        learned = take_weights(self.predictor, self.learning.slots)
        reasons = list(dict.fromkeys(group["stopped"] for group in self.done))
        epochs = [epoch for group in self.done for epoch in group["best_epochs"]]
        steps = sum(group["steps"] for group in self.done)
        return Outcome(plain(self.predictor), epochs, ", ".join(reasons), steps, self._chosen(), learned)

    def _chosen(self) -> Compiling:
        return self.compiling or Compiling(False, "settled before the training")

    def _build(self) -> Predictor:
        learning, members = self.learning, []
        begun = learning.start.predictor()
        if begun is not None:
            return begun
        inputs, inner = learning.start.inputs(learning.shape, learning.x, learning.train)
        for number in range(self.settings.members):
            torch.manual_seed(mix(learning.seed, MEMBER_STREAM, number))
            columns = learning.n_outputs * learning.head.columns
            member = learning.start.member(learning.model, inner, columns, number)
            learning.start.meet(member, learning.x, learning.train)
            told = learning.adaptation
            members.append(member if told is None else AdaptingMember(member, told.method))
            if self.settings.gradient_checkpointing:
                members[-1].encoder.set_gradient_checkpointing(True)
        statistics = members[0].encoder.statistics
        if isinstance(inputs, ImageInput) and statistics is not None:
            inputs.fix(*map(np.array, statistics))
        predictor = Predictor(learning.task, inputs, members, learning.n_outputs, inner, learning.head)
        for column, at in learning.numbers:
            labels = learning.y[learning.train, column].astype(np.float64)
            predictor.shift[at], spread = float(np.nanmean(labels)), float(np.nanstd(labels))
            predictor.scale[at] = spread if spread > 0 else 1.0
        return predictor

    def _groups(self) -> list[list[int]]:
        members = list(range(self.settings.members))
        first = self.predictor.members[0]
        apart = self.settings.gradient_checkpointing or self.settings.parallel == "fsdp"
        apart = apart or bool(self.learning.start.paces(first))  # type: ignore[arg-type]
        together = first.encoder.vectorises and not apart  # type: ignore[union-attr]
        why = (
            "computed in one vectorised pass"
            if together
            else "one after the other: this network is not faster in one pass"
        )
        if len(members) > 1 and self.processes.rank == 0:
            self.run.decide("ensemble_training", "together" if together else "in turn", why)
            self._tell_kinds()
        return [members] if together else [[member] for member in members]

    def _tell_kinds(self) -> None:
        kinds = kinds_of(self.predictor.members)
        if kinds:
            agreed = self.predictor.head.agreement(self.settings.members)
            why = f"{self.learning.model.unlike}; what is told is their {agreed}"
            self.run.decide("members", {reads: len(places) for reads, places in kinds.items()}, why)

    def _feed(self) -> Feed:
        learning = self.learning
        y = learning.y
        if numbers := learning.numbers:
            y, shift, scale = y.copy(), self.predictor.shift.cpu().numpy(), self.predictor.scale.cpu().numpy()
            for column, at in numbers:
                y[:, column] = (y[:, column] - shift[at]) / scale[at]
        val = learning.val if len(learning.val) else learning.labelled
        feed = Feed(learning.x, y, learning.train, val, self.predictor.inputs, self.settings.device)
        if self.predictor.members[0].encoder.sorts:  # type: ignore[union-attr]
            feed.sort_by_length()
        if learning.soft is not None:
            scales = self.predictor.shift, self.predictor.scale
            feed.y = learning.soft.packed(learning.task, feed.y, learning.train, *scales)
        if self.settings.augment:
            from scitrain.data.augment import augmentations

            feed.augment, feed.mix = augmentations(self.settings.augment, learning.shape)
        if learning.adaptation is not None:
            feed.accompany(learning.adaptation.rows)
        return feed

    def _plan(self, group: Sequence[int]) -> Plan:
        learning, settings = self.learning, self.settings
        options = learning.options
        return Plan(
            task=learning.task,
            epochs=settings.epochs,
            steps=self.steps,
            accumulate=settings.accumulate,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warmup=options.warmup,
            gradient_clip=options.gradient_clip,
            precision=settings.precision,
            device=settings.device,
            seed=learning.seed,
            members=tuple(group),
            target_scale=tuple(self.predictor.scale.tolist()),
            cooled=learning.cooled and learning.task in ("binary", "multiclass") and len(learning.val) >= FEWEST_ROWS,
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


def _weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Set the batches that batch-norm counted to zero, for they belong to no best epoch."""
    return {name: t if t.is_floating_point() else torch.zeros_like(t) for name, t in state.items()}


def _taken_up(settings: Settings, learning: Learning, run: Run) -> Settings:
    """Return settings with what relieved the memory before this training was interrupted."""
    checkpoints = Checkpoints(run.path / "checkpoints", learning.key(), learning.options.checkpoint_seconds)
    saved = checkpoints.load("cpu") if settings.processes == 1 else None
    return settings if saved is None else replace(settings, **saved["settings"])


def _own_randomness(settings: Settings) -> AbstractContextManager[None]:
    """Return a context after which torch's random states are the caller's again."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if settings.device == "cuda" else [])
