"""The one LightningModule: a team of members, many optimiser steps in each `training_step`."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch import distributed as dist
from torch.utils.data import DataLoader

from scitrain.data.options import Task
from scitrain.errors import ScitrainError
from scitrain.resources import SpareMemory
from scitrain.training.adamw import AdamW
from scitrain.training.cooling import cooled
from scitrain.training.feeding import Block, Feed, mix
from scitrain.training.losses import Loss
from scitrain.training.mixed_head import MixedHead
from scitrain.training.precision import Scaler, autocast
from scitrain.training.sharded import ShardedTeam
from scitrain.training.team import Team, Weights
from scitrain.training.tracker import Tracker

__all__ = ["Plan", "TrainingModule", "learning_rate_at"]

VALIDATION_BATCH = 4096
"""Values of a vector are few; larger rows take fewer at a time (see `_validation_batch`)."""
VALIDATION_BYTES = 1 << 26
LOOK_STEPS = 16
"""Steps between two looks at the memory, where batches differ in length."""


@dataclass(frozen=True)
class Plan:
    """Numbers of one training, all settled."""

    task: Task
    epochs: int
    steps: int
    """Optimiser steps an epoch."""
    accumulate: int
    """Parts of a batch whose gradients are added up."""
    learning_rate: float
    weight_decay: float
    warmup: float
    """Share of all steps."""
    gradient_clip: float
    precision: str
    device: str
    seed: int
    members: tuple[int, ...]
    """Numbers of the members in the ensemble."""
    target_scale: tuple[float, ...]
    """Unit of the outputs of a regression, to say validation errors in the target's own."""
    cooled: bool = False
    """Compare epochs of classes by the loss that a temperature leaves, see `cooled`."""
    rank: int = 0
    world: int = 1


def learning_rate_at(step: int, plan: Plan) -> float:
    """Return the learning rate of a step (from 0): a linear rise over the warm-up, then half a cosine down to zero."""
    total = plan.epochs * plan.steps
    warm = int(plan.warmup * total)
    if step < warm:
        return plan.learning_rate * (step + 1) / (warm + 1)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


class TrainingModule(pl.LightningModule):
    """Trains a `Team` by AdamW under manual optimisation.

    Lightning's hooks cost as much as a step of a small network, so that one `training_step` does a whole block of
    optimiser steps: an epoch where the rows lie in memory. The weights are the team's own.
    """

    def __init__(self, team: Team | ShardedTeam, feed: Feed, loss: Loss, plan: Plan, tracker: Tracker) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.team, self.feed, self.loss, self.plan, self.tracker = team, feed, loss, plan, tracker
        # Weight decay is the team's own, for it spares some of the numbers of the one array.
        fused = plan.device in {"cpu", "cuda", "mps"}
        self.optimizer = AdamW(team.groups, lr=plan.learning_rate, weight_decay=0.0, fused=fused)
        self.scaler = Scaler(plan.precision)
        self.spare = SpareMemory()
        self.epoch = 0
        """Epochs done."""
        self.deadline = math.inf
        """`time.monotonic` at which training ends, in seconds."""
        self.on_epoch: Callable[[dict[str, float]], None] = lambda row: None
        """Told the numbers of each finished epoch."""
        self._losses: list[Tensor] = []
        self._began = 0.0
        self._step = 0
        self._rate = 0.0
        self._announce()
        self._generator = torch.Generator(device=plan.device if plan.device != "mps" else "cpu")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW over the parts of that array; the rate is set before each step by `learning_rate_at`."""
        return self.optimizer

    def train_dataloader(self) -> DataLoader[Block]:
        """Return the blocks of an epoch."""
        return self.feed.loader()

    def transfer_batch_to_device(self, batch: Block, device: torch.device, dataloader_idx: int) -> Block:
        """Leave a block as it is: its steps are on the device, its rows follow step by step."""
        return batch

    def on_train_epoch_start(self) -> None:
        """Draw all that is random in this epoch from its number, so that a resumed training repeats it."""
        self.start_epoch()

    def start_epoch(self) -> None:
        """Seed dropout and augmentation of this epoch and process, and forget the last epoch's losses."""
        seed = mix(self.plan.seed, 1 + self.plan.members[0], self.epoch, self.plan.rank)
        torch.manual_seed(seed)
        self._generator.manual_seed(seed)
        self._losses, self._began = [], time.monotonic()
        self._step = self.epoch * self.plan.steps

    def training_step(self, block: Block) -> None:
        """Do the optimiser steps of a block."""
        self.team.train(True)
        self.team.thaw(self.epoch)
        start = 0
        for chosen in block.steps:
            given = None if block.rows is None else block.rows[start : start + chosen.numel()]
            start += chosen.numel()
            self._rate = learning_rate_at(self._step, self.plan)
            self.loss.at(self._step / (self.plan.epochs * self.plan.steps))
            self.gather(chosen, given)
            if self.scaler.unscaled(self.team.unscale):
                self.team.clip(self.plan.gradient_clip)
                self.team.prepare(self.optimizer, self._rate, self.plan.weight_decay, self.epoch)
                self.optimizer.step()
            self._step += 1
            if self.feed.varies and self._step % LOOK_STEPS == 0:
                self.spare.give_back()
            if self.plan.world == 1 and time.monotonic() > self.deadline:
                break

    def on_train_epoch_end(self) -> None:
        """Validate, remember what is best, and tell."""
        self.epoch += 1
        self._announce()
        self._average_buffers()
        train = self._mean_loss()
        each, metric = self._agreed(*self.validate())
        train_s = time.monotonic() - self._began
        self._refuse_divergence(train, each)
        self.tracker.update(self.epoch, each, self.team.snapshot)
        rate = self._rate
        name = "val_rmse" if self.plan.task == "regression" else "val_accuracy"
        row = {"epoch": self.epoch, "train_loss": train, "val_loss": sum(each) / len(each), name: metric}
        timing = {"learning_rate": rate, "seconds": train_s, "samples_per_s": self._seen() / max(train_s, 1e-9)}
        self.trainer.should_stop = self.finished()
        self.on_epoch(row | timing)

    def state(self) -> dict[str, object]:
        """Return what `load` restores: tensors, numbers and lists."""
        return {
            "epoch": self.epoch,
            "arrays": self.team.snapshot().arrays,
            "optimizer": self.team.optimizer_state(self.optimizer),
            "tracker": self.tracker.state(),
            "scaler": self.scaler.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.epoch = int(state["epoch"])
        self.team.restore(Weights(state["arrays"]))
        self.team.load_optimizer(self.optimizer, state["optimizer"])
        self.tracker.load(state["tracker"])
        self.scaler.load(state["scaler"])
        self._announce()

    def _announce(self) -> None:
        # Lightning fetches an epoch's first block before it tells that the epoch begins.
        self.feed.start_epoch(self.epoch)

    def finished(self) -> bool:
        """Tell whether nothing is left to do; all processes answer alike, for the first one's clock decides."""
        return self.agreed(time.monotonic() > self.deadline) or self.exhausted()

    def agreed(self, flag: bool) -> bool:
        """Return what the first process says; all must ask."""
        return bool(self._of_first([float(flag)])[0])

    def exhausted(self) -> bool:
        """Tell whether all epochs are done, or every member has stopped."""
        return self.tracker.done or self.epoch >= self.plan.epochs

    def validate(self) -> tuple[list[float], float]:
        """Return the validation loss of each member, and the ensemble's RMSE in the target's unit or its accuracy."""
        self.team.train(False)
        size = _validation_batch(self.feed)
        with torch.no_grad(), autocast(self.plan.precision, self.plan.device):
            parts = [
                self.team.forward(rows.expand(self.team.size, *rows.shape)).float()
                for rows in self.feed.validation(size)
            ]
            outputs = torch.cat(parts, dim=1)
            y = self.feed.y_val.expand(self.team.size, *self.feed.y_val.shape)
            losses = self.loss.mean(cooled(outputs, y) if self.plan.cooled else outputs, y, proper=True)
            found: list[float] = torch.cat([losses, self._metric(self.loss.said(outputs))[None]]).tolist()
        return found[:-1], found[-1]

    def _agreed(self, each: list[float], metric: float) -> tuple[list[float], float]:
        """Return the first process's numbers: different machines round differently, and all must stop in the same epoch."""
        *losses, value = self._of_first([*each, metric])
        return losses, value

    def _of_first(self, numbers: list[float]) -> list[float]:
        if self.plan.world == 1:
            return numbers
        told = torch.tensor(numbers, device=self.plan.device)
        dist.broadcast(told, src=0)
        return told.tolist()

    def gather(self, chosen: Tensor, given: Tensor | None) -> None:
        """Gather the gradient of a batch (members, batch) of positions, times the scale of the loss."""
        plan = self.plan
        if plan.accumulate == 1 and plan.world == 1:
            losses = self._losses_of(chosen, given, self.loss.mean)
            self.team.gather(self.scaler.scaled(losses.sum()))
            self._losses.append(losses.detach())
            return
        weight = self.loss.weight(self.feed.labels(chosen))
        places = torch.arange(chosen.numel()).view(chosen.shape)
        done = torch.zeros(self.team.size, device=plan.device)
        self.team.clear()
        for part in places.tensor_split(plan.accumulate, dim=1):
            mine = part.tensor_split(plan.world, dim=1)[plan.rank]
            if mine.numel():
                some = None if given is None else given[mine.flatten()]
                done += self._part(chosen.flatten()[mine.to(chosen.device)], some, weight)
            elif (
                self.team.sharded
            ):  # layers are gathered by all processes together: one without rows goes through with one of no weight
                self._part(chosen[:, :1], None if given is None else given[:1], math.inf)
        if plan.world > 1:
            self.team.reduce()
            dist.all_reduce(done)
        self._losses.append(done)

    def _part(self, chosen: Tensor, given: Tensor | None, weight: Tensor | float) -> Tensor:
        losses = self._losses_of(chosen, given, self.loss.total) / weight
        self.team.gather(self.scaler.scaled(losses.sum()), add=True)
        return losses.detach()

    def _losses_of(self, chosen: Tensor, given: Tensor | None, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the loss of each member on the rows at ``chosen``; of rows mixed in pairs, mixed as they are."""
        rows = self.feed.rows(chosen, given, self._generator)
        mixed = None if self.feed.mix is None else self.feed.mix(rows, self._generator)
        with autocast(self.plan.precision, self.plan.device):
            own_rows = rows if mixed is None else mixed.rows
            outputs = self.team.forward(self.feed.accompanied(own_rows, chosen, self._generator))
        own = loss(outputs.float(), self.feed.labels(chosen))
        if mixed is None:
            return own
        return mixed.share * own + (1 - mixed.share) * loss(outputs.float(), self.feed.labels(chosen[:, mixed.partner]))

    def _mean_loss(self) -> float:
        return float(torch.stack(self._losses).mean())

    def _metric(self, outputs: Tensor) -> Tensor:
        """Return the RMSE (mean over targets, their own unit) or the accuracy of the ensemble, a scalar."""
        y = self.feed.y_val
        if self.plan.task == "multiclass":
            return (outputs.softmax(2).mean(0).argmax(1) == y).float().mean()
        if isinstance(self.loss.head, MixedHead):
            return self.loss.head.accuracy(outputs, y)
        there = ~torch.isnan(y)
        if self.plan.task == "regression":
            centre = self.loss.head.centre(outputs).mean(0)
            error = torch.where(there, centre - y, 0.0) * torch.tensor(self.plan.target_scale, device=y.device)
            return (error.square().sum(0) / there.sum(0).clamp(min=1)).sqrt().mean()
        right = ((outputs.sigmoid().mean(0) > 0.5) == (y > 0.5)) & there
        return right.sum() / there.sum().clamp(min=1)

    def _average_buffers(self) -> None:
        """Give all processes the same batch-norm statistics: the mean of what each saw."""
        if self.plan.world > 1:
            for buffer in self.team.buffers:
                dist.all_reduce(buffer)
                buffer /= self.plan.world

    def _seen(self) -> int:
        return len(self.feed.train_rows) * self.team.size

    def _refuse_divergence(self, train: float, each: list[float]) -> None:
        if math.isfinite(train) and all(map(math.isfinite, each)):
            return
        raise ScitrainError(
            f"the loss became {train:g} (training) and {max(each, key=abs):g} (validation) in epoch {self.epoch} with "
            f"learning_rate={self.plan.learning_rate:g}: training diverged; lower learning_rate, for example to "
            f"{self.plan.learning_rate / 10:g}, or gradient_clip (now {self.plan.gradient_clip:g}), and look for absurd "
            "target values with inspect_dataset"
        )


def _validation_batch(feed: Feed) -> int:
    return int(max(1, min(VALIDATION_BATCH, VALIDATION_BYTES // max(1, feed.x[:1].nbytes))))
