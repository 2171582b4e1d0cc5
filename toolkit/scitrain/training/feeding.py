"""Rows on their way to the network: indexed in blocks, never one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from scitrain.data.augment import Mix, Vary
from scitrain.resources import available_memory
from scitrain.training.transforms import ImageInput

__all__ = ["Block", "Feed", "length_batches", "mix", "steps_an_epoch"]

RESIDENT_SHARE = 0.4
"""Part of the free memory that the rows may fill; above it they are read from disk block by block."""
POOL = 16
"""Batches whose rows are sorted by length among themselves: random enough to learn from, and hardly any padding."""
WIDE_POOL = 50
"""The same where there is no ensemble: rows of a corpus."""
BLOCK_BYTES = 1 << 28
"""Bytes of rows read from disk at a time."""


@dataclass(frozen=True)
class Block:
    """Some consecutive steps of an epoch."""

    steps: list[Tensor]
    """For each step the training rows (members, batch), as positions in ``Feed.y``."""
    rows: Tensor | None
    """The rows of all these steps one after the other, where they do not lie on the device."""


def steps_an_epoch(rows: int, batch: int, processes: int = 1) -> int:
    """Return the steps that part ``rows`` evenly into batches of at most ``batch``, none with a single row for a process."""
    return max(1, min(-(-rows // batch), rows // (2 * processes)))


class Feed(IterableDataset[Block]):
    """Training rows in a fresh order for each epoch and member.

    The order is a function of (seed, member, epoch) alone: a resumed training, a member trained by itself and each of
    several processes see what they would have seen.
    """

    def __init__(
        self, x: np.ndarray, y: np.ndarray, train: np.ndarray, val: np.ndarray, inputs: nn.Module, device: str
    ) -> None:
        super().__init__()
        self.x, self.train_rows, self.val_rows = x, train, val
        self.inputs, self.device = inputs, device
        self.y = torch.from_numpy(np.ascontiguousarray(y[train])).to(device)
        self.y_val = torch.from_numpy(np.ascontiguousarray(y[val])).to(device)
        self.augment: Vary | None = None
        self.mix: Mix | None = None
        self._lengths: Tensor | None = None
        self._beside: Feed | None = None
        self.resident = x[:1].nbytes * (len(train) + len(val)) <= RESIDENT_SHARE * _free(device)
        self._raw = isinstance(inputs, ImageInput)
        self._train = self._load(train, ready=not self._raw) if self.resident else None
        self._val = self._load(val, ready=True) if self.resident else None
        self._members: list[int] = [0]
        self._seed = self._steps = self._epoch = 0

    def schedule(self, members: list[int], seed: int, steps: int) -> None:
        """Say whose orders are wanted, and in how many steps an epoch is done."""
        self._members, self._seed, self._steps = members, seed, steps

    def start_epoch(self, epoch: int) -> None:
        """Choose the epoch (from 0) that the next iteration yields."""
        self._epoch = epoch

    @property
    def varies(self) -> bool:
        """Tell whether batches differ in length."""
        return self._lengths is not None

    def sort_by_length(self) -> None:
        """Let batches hold rows of tokens of like lengths."""
        self._lengths = torch.from_numpy((np.asarray(self.x[self.train_rows]) > 0).sum(1))

    def loader(self) -> DataLoader[Block]:
        """Return the blocks of an epoch as Lightning wants them; nothing is collated."""
        # With a generator of its own the loader draws nothing from the random state that dropout reads.
        return DataLoader(self, batch_size=None, generator=torch.Generator())

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the chosen epoch: one where all rows lie on the device."""
        steps = self._batches()
        if self.resident:
            yield Block([self.place(step) for step in steps], None)
            return
        of_step = max(1, steps[0].numel() * self.x[:1].nbytes)
        size = max(1, BLOCK_BYTES // of_step)
        for start in range(0, len(steps), size):
            some = steps[start : start + size]
            places = self.train_rows[torch.cat([step.flatten() for step in some]).numpy()]
            yield Block([self.place(step) for step in some], torch.from_numpy(np.asarray(self.x[places])))

    def _batches(self) -> list[Tensor]:
        """Return the rows of each step of the chosen epoch, (members, batch)."""
        order = self.order()
        if self._lengths is None:
            return list(order.tensor_split(self._steps, dim=1))
        pools = order.tensor_split(max(1, -(-self._steps // POOL)), dim=1)
        sorted_pools = [pool.gather(1, self._lengths[pool].argsort(dim=1, stable=True)) for pool in pools]
        steps = torch.cat(sorted_pools, dim=1).tensor_split(self._steps, dim=1)
        generator = torch.Generator().manual_seed(mix(self._seed, self._members[0], self._epoch, len(steps)))
        return [steps[i] for i in torch.randperm(len(steps), generator=generator).tolist()]

    def order(self) -> Tensor:
        """Return the order of the chosen epoch, (members, rows)."""
        orders = []
        for member in self._members:
            generator = torch.Generator().manual_seed(mix(self._seed, member, self._epoch))
            orders.append(torch.randperm(len(self.train_rows), generator=generator))
        return torch.stack(orders)

    def rows(self, chosen: Tensor, given: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return the transformed training rows (members, batch, …) at ``chosen`` (members, batch)."""
        if self._train is not None:
            self._transform_once()
            raw = self._train.index_select(0, chosen.flatten())
        elif given is not None:
            raw = self.place(given)
        else:
            raise ValueError("rows that do not lie on the device come with their block")
        pictures = isinstance(self.inputs, ImageInput)
        if self.augment is not None and pictures:
            raw = self.augment(raw, generator)
        if self._raw or given is not None:
            raw = self.inputs(raw)
        if self.augment is not None and not pictures:  # in deviations of each channel
            raw = self.augment(raw, generator)
        return raw.view(*chosen.shape, *raw.shape[1:])

    def accompany(self, rows: np.ndarray) -> None:
        """Let each batch be followed by as many of these ``rows``, drawn at random, varied as its own are; they have no label."""
        nothing = np.zeros(len(self.x), np.float32)
        self._beside = Feed(self.x, nothing, rows, rows[:1], self.inputs, self.device)
        self._beside.augment = self.augment

    def accompanied(self, rows: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Return rows (members, batch, …) with those that accompany them, (members, 2 · batch, …); alone where none do."""
        beside = self._beside
        if beside is None:
            return rows
        drawn = torch.randint(len(beside.train_rows), chosen.shape, generator=generator, device=generator.device).cpu()
        given = None
        if not beside.resident:
            given = torch.from_numpy(np.asarray(self.x[beside.train_rows[drawn.flatten().numpy()]]))
        return torch.cat([rows, beside.rows(self.place(drawn), given, generator)], dim=1)

    def _transform_once(self) -> None:
        """Transform pictures for good where they are not varied, which is done to pictures as they are."""
        if self._raw and self.augment is None and self._train is not None:
            with torch.no_grad():
                self._train = self.inputs(self._train)
            self._raw = False

    def place(self, rows: Tensor) -> Tensor:
        """Copy to the device what does not lie there."""
        return rows.to(self.device)

    def labels(self, chosen: Tensor) -> Tensor:
        """Return the labels (members, batch[, T]) at ``chosen`` (members, batch)."""
        return self.y.index_select(0, chosen.flatten()).view(*chosen.shape, *self.y.shape[1:])

    def validation(self, size: int) -> Iterator[Tensor]:
        """Yield the transformed validation rows in batches of ``size``."""
        for start in range(0, len(self.val_rows), size):
            if self._val is not None:
                yield self._val[start : start + size]
            else:
                yield self._load(self.val_rows[start : start + size], ready=True)

    def _load(self, chosen: np.ndarray, ready: bool) -> Tensor:
        rows = torch.from_numpy(np.ascontiguousarray(self.x[chosen])).to(self.device)
        with torch.no_grad():
            return self.inputs(rows) if ready else rows


def length_batches(
    rows: np.ndarray, lengths: np.ndarray, size: int, seed: int, epoch: int, first: int = 0
) -> Iterator[np.ndarray]:
    """Yield the rows of each batch of an epoch from number ``first`` on, rows of like lengths together, in random order."""
    generator = np.random.default_rng(mix(seed, 5, epoch))
    order = generator.permutation(rows)
    parts = []
    for start in range(0, len(order), WIDE_POOL * size):
        pool = order[start : start + WIDE_POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        parts += [pool[i : i + size] for i in range(0, len(pool), size)]
    for number in generator.permutation(len(parts))[first:]:
        yield parts[number]


def mix(*numbers: int) -> int:
    """Return one seed made of several numbers, such that near numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _free(device: str) -> float:
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    return float(available_memory())
