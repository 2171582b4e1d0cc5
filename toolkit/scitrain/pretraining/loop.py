"""Train on a corpus: batches of like lengths, a step of all objectives, checkpoints to go on from."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scitrain.cancellation import stop_if_asked
from scitrain.errors import ScitrainError
from scitrain.pretraining.corpus import Corpus
from scitrain.pretraining.network import Pretraining, batch_of
from scitrain.pretraining.objectives import IGNORED, VIEWS, Masked, contrast, frequent, mask_tokens, property_loss
from scitrain.pretraining.options import PretrainingOptions
from scitrain.runs import Run
from scitrain.training.checkpoints import Checkpoints
from scitrain.training.feeding import mix

__all__ = ["RATES", "Trained", "step_losses", "train"]

RATES = {"small": 1e-3, "base": 3e-4, "large": 1e-4}
"""Learning rates by size."""
WEIGHT_DECAY, WARMUP, CLIP = 0.01, 0.05, 1.0
POOL = 16
"""Batches whose rows are sorted by length among themselves."""
MEASURED = 4_096
"""Held-out rows that each epoch is measured on."""
SECONDS = 30.0
"""Shortest time between two writes of the last state."""


@dataclass
class Trained:
    """A network with the weights of its best epoch, and how it came about."""

    network: Pretraining
    history: list[dict[str, float]]
    best_epoch: int
    stopped: str
    seconds: float


@dataclass
class _State:
    """What a checkpoint holds."""

    epoch: int = 0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_loss: float = math.inf
    best_epoch: int = 0
    spent: float = 0.0
    total: float = 0.0
    """Sum of the losses of this epoch's steps."""


def train(corpus: Corpus, options: PretrainingOptions, device: str, run: Run) -> Trained:
    """Train, going on from the run's last checkpoint where there is one of this very training.

    Orders, masks and views are functions of (seed, epoch, step) alone, so that a resumed training on a CPU gives the
    numbers of an unbroken one.

    Raises:
        ScitrainError: The loss is no number any more.
        CancelledError: Somebody asked the run to stop.
    """
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
        torch.manual_seed(options.seed)
        network = Pretraining(corpus.notation, options.size, len(options.targets))
        return _Loop(network, corpus, options, device, run).work()


class _Loop:
    """One training."""

    def __init__(
        self, network: Pretraining, corpus: Corpus, options: PretrainingOptions, device: str, run: Run
    ) -> None:
        self.network, self.corpus, self.options, self.device, self.run = (
            network.to(device),
            corpus,
            options,
            device,
            run,
        )
        self.learned, self.held = np.flatnonzero(~corpus.held), np.flatnonzero(corpus.held)[:MEASURED]
        self.steps = max(1, len(self.learned) // options.batch_size)
        self.optimiser = self._optimiser()
        self.centre, self.scale = _standards(corpus.labels[self.learned])
        length = corpus.rows.shape[1] // (2 if corpus.notation == "composition" else 1)
        self.replacements = frequent(corpus.rows[self.learned[:200_000]], length)
        self.lengths = (np.asarray(corpus.rows[:, :length]) > 0).sum(1)
        self.checkpoints = Checkpoints(run.path / "checkpoints", self._key(), SECONDS)
        self.state = _State()
        self.began = time.monotonic()

    def work(self) -> Trained:
        """Train all epochs."""
        self._load()
        stopped = "all epochs done"
        while self.state.epoch < self.options.epochs:
            if not self._epoch():
                stopped = "max_minutes"
                break
        self.network.load_state_dict(self.state.best)
        return Trained(self.network.eval(), self.state.history, self.state.best_epoch, stopped, self._spent())

    def _epoch(self) -> bool:
        """Train what is left of an epoch; False where the time is over."""
        self.network.train()
        for step, places in enumerate(self._batches()):
            if step < self.state.step:
                continue
            if self._late():
                self._measure()
                return False
            stop_if_asked()
            self.state.total += self._step(places, step)
            self.state.step = step + 1
            self._tell()
            if self.checkpoints.due():
                self._save()
        self._measure()
        self.state.epoch, self.state.step, self.state.total = self.state.epoch + 1, 0, 0.0
        self._save()
        return True

    def _step(self, places: np.ndarray, step: int) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(self.state.epoch * self.steps + step)
        generator = torch.Generator().manual_seed(mix(self.options.seed, self.state.epoch, step))
        torch.manual_seed(mix(self.options.seed, 1, self.state.epoch, step))  # dropout's, alike after a break
        with self._precision():
            loss = sum(self._losses(places, generator).values(), torch.zeros((), device=self.device))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ScitrainError(
                f"the loss became {value} in step {step} of epoch {self.state.epoch + 1}; lower learning_rate"
            )
        return value

    def _losses(self, places: np.ndarray, generator: torch.Generator) -> dict[str, Tensor]:
        rows = torch.from_numpy(np.asarray(self.corpus.rows[places])).long()
        labels = torch.from_numpy((self.corpus.labels[places] - self.centre) / self.scale)
        how = Step(self.options, self.replacements, generator, self.device)
        return step_losses(self.network, rows, labels, how)

    def _batches(self) -> Iterator[np.ndarray]:
        """Yield the rows of each step of this epoch, those of like lengths together."""
        draw = np.random.default_rng(mix(self.options.seed, self.state.epoch))
        order = draw.permutation(self.learned)
        size, pool = self.options.batch_size, self.options.batch_size * POOL
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        ordered = [one[np.argsort(self.lengths[one], kind="stable")] for one in pools]
        batches = [one[at : at + size] for one in ordered for at in range(0, len(one), size)]
        chosen = draw.permutation(len(batches))[: self.steps]
        return (batches[int(at)] for at in chosen)

    def _measure(self) -> None:
        """Measure held-out rows with the same hidden tokens each time, and keep the best weights."""
        losses = self._held_out()
        epoch = self.state.epoch + 1
        total = sum(losses.values())
        row = {"epoch": float(epoch), "train_loss": self.state.total / max(1, self.state.step), "val_loss": total}
        row |= {f"val_{name}": value for name, value in losses.items()}
        row |= {"learning_rate": self._rate(self.state.epoch * self.steps + self.state.step), "seconds": self._spent()}
        self.state.history.append(row)
        if total < self.state.best_loss or not self.state.best:
            self.state.best_loss, self.state.best_epoch = total, epoch
            self.state.best = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def _held_out(self) -> dict[str, float]:
        self.network.eval()
        sums: dict[str, float] = {}
        pieces = [
            self.held[at : at + self.options.batch_size] for at in range(0, len(self.held), self.options.batch_size)
        ]
        generator = torch.Generator().manual_seed(self.options.seed)
        with torch.no_grad():
            for piece in pieces:
                for name, value in self._losses(piece, generator).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(piece) / len(self.held)
        self.network.train()
        return sums

    def _optimiser(self) -> torch.optim.AdamW:
        weights = list(self.network.parameters())
        decayed = [w for w in weights if w.ndim >= 2]
        spared = [w for w in weights if w.ndim < 2]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": spared, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self._peak(), betas=(0.9, 0.98))

    def _peak(self) -> float:
        asked = self.options.learning_rate
        return RATES[self.options.size] if asked == "auto" else asked

    def _rate(self, step: int) -> float:
        """Rise over the warm-up, then fall along a cosine: to nothing at the last step, or when the time is over."""
        limit = self.options.max_minutes
        done = step / (self.steps * self.options.epochs)
        done = done if limit is None else max(done, self._spent() / (60 * limit))
        if done < WARMUP:
            return self._peak() * (done / WARMUP + 1e-3)
        return self._peak() * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARMUP) / (1 - WARMUP))))

    def _precision(self) -> AbstractContextManager[Any]:
        if self.device == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def _tell(self) -> None:
        done = self.state.epoch + self.state.step / self.steps
        told = time.monotonic()
        if self.state.step == self.steps or told - getattr(self, "_told", 0.0) >= 1.0:
            self._told = told
            mean = self.state.total / self.state.step
            self.run.progress("train", done, self.options.epochs, f"epoch {self.state.epoch + 1}, loss {mean:.4f}")

    def _late(self) -> bool:
        limit = self.options.max_minutes
        return limit is not None and self._spent() >= 60 * limit

    def _spent(self) -> float:
        return self.state.spent + time.monotonic() - self.began

    def _key(self) -> str:
        said = [self.options.model_dump(mode="json", exclude={"max_minutes", "device"}), list(self.corpus.rows.shape)]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        digest.update(np.asarray(self.corpus.rows[:: max(1, len(self.corpus.rows) // 64)]).tobytes())
        return digest.hexdigest()[:32]

    def _save(self) -> None:
        state: dict[str, object] = {**vars(self.state), "spent": self._spent()}
        state |= {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        self.checkpoints.save(state)

    def _load(self) -> None:
        saved = self.checkpoints.load(self.device)
        if saved is None:
            return
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.state = _State(**{name: saved[name] for name in vars(self.state)})
        self.run.decide(
            "resumed",
            f"epoch {self.state.epoch + 1}, step {self.state.step}",
            "checkpoints/last.pt is of this training",
        )


@dataclass(frozen=True)
class Step:
    """What a step draws from."""

    options: PretrainingOptions
    replacements: Tensor
    generator: torch.Generator
    device: str


def step_losses(network: Pretraining, rows: Tensor, labels: Tensor, step: Step) -> dict[str, Tensor]:
    """Return the weighted loss of each objective for rows (batch, …) and standardised labels (batch, targets)."""
    found: dict[str, Callable[[], Tensor]] = {
        "masked": lambda: _masked(network, rows, step),
        "contrastive": lambda: _contrastive(network, rows, step),
        "properties": lambda: _properties(network, rows, labels, step),
    }
    weights: Mapping[str, float] = {str(name): weight for name, weight in step.options.objectives.items()}
    return {name: weight * found[name]() for name, weight in sorted(weights.items()) if weight > 0}


def _masked(network: Pretraining, rows: Tensor, step: Step) -> Tensor:
    hidden = mask(network, rows, step)
    states = network.states(batch_of(rows, step.device), hidden.ids.to(step.device))
    asked = (hidden.labels != IGNORED).to(step.device)
    # the head is applied to hidden places alone: it costs as much as a layer
    return torch.nn.functional.cross_entropy(network.tokens(states[asked]), hidden.labels.to(step.device)[asked])


def mask(network: Pretraining, rows: Tensor, step: Step) -> Masked:
    """Hide some tokens of rows."""
    grouped = network.notation == "composition"
    return mask_tokens(network.ids(rows), step.options.mask, step.replacements, step.generator, grouped)


def _contrastive(network: Pretraining, rows: Tensor, step: Step) -> Tensor:
    view = VIEWS[network.notation]
    both = []
    for _ in range(2):
        seen = batch_of(view(rows, step.generator), step.device)
        both.append(network.project(network.pooled(seen, network.states(seen))))
    return contrast(both[0], both[1])


def _properties(network: Pretraining, rows: Tensor, labels: Tensor, step: Step) -> Tensor:
    seen = batch_of(rows, step.device)
    said = network.properties(network.pooled(seen, network.states(seen)))
    return property_loss(said[:, : labels.shape[1]], labels.to(step.device))


def _standards(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column, over what is there."""
    there = np.isfinite(labels)
    count = np.maximum(there.sum(0), 1)
    mean = np.where(there, labels, 0).sum(0) / count
    spread = np.sqrt(np.where(there, (labels - mean) ** 2, 0).sum(0) / count)
    return mean.astype(np.float32), np.where(spread > 0, spread, 1).astype(np.float32)
