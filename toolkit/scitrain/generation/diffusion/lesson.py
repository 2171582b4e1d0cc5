"""What a denoiser is taught."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scitrain.generation.diffusion.denoiser import Denoiser, Noise
from scitrain.training.feeding import mix
from scitrain.training.loop import Batch

__all__ = ["NoiseLesson"]

HELD_OUT_SEED = 17


@dataclass
class NoiseLesson:
    """E‖f(√ᾱₜ x + √(1 − ᾱₜ) ε, t, c) − target‖², the target being v = √ᾱₜ ε − √(1 − ᾱₜ) x or ε (v: arXiv:2202.00512)."""

    network: Denoiser
    schedule: Noise
    x: np.ndarray
    """float32 (n, dimensions), about standard."""
    values: np.ndarray
    """float32 (n, properties), standardised, NaN where a row has none."""
    train: np.ndarray
    val: np.ndarray
    batch_size: int
    dropout: float
    """Share of rows that are told no condition."""
    seed: int
    probed: Callable[[int], dict[str, float]] = lambda epoch: {}

    def steps(self) -> int:
        """Return the optimiser steps of an epoch."""
        return -(-len(self.train) // self.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield vectors and conditions."""
        order = np.random.default_rng(mix(self.seed, 5, epoch)).permutation(self.train)
        for start in range(first * self.batch_size, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield {"x": torch.from_numpy(self.x[rows]), "values": torch.from_numpy(self.values[rows])}

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean squared error of a batch at random steps."""
        values = batch["values"]
        silent = torch.rand(len(values), 1, device=values.device) < self.dropout
        hidden = torch.rand(values.shape, device=values.device) < (self.dropout / 2 if values.shape[1] > 1 else 0)
        return self._error(batch["x"], values.masked_fill(silent | hidden, torch.nan))

    def size(self, batch: Batch) -> int:
        """Return the number of vectors."""
        return len(batch["x"])

    def validate(self) -> float:
        """Return the error of held-out vectors, each time at the same steps with the same noise."""
        device = next(self.network.parameters()).device
        x, values = torch.from_numpy(self.x[self.val]).to(device), torch.from_numpy(self.values[self.val]).to(device)
        with torch.random.fork_rng():
            torch.manual_seed(HELD_OUT_SEED)
            return float(torch.stack([self._error(x, values) for _ in range(8)]).mean())

    def probe(self, epoch: int) -> dict[str, float]:
        """Return the shares of a small sample."""
        return self.probed(epoch)

    def _error(self, x: Tensor, values: Tensor) -> Tensor:
        t = torch.randint(0, self.schedule.config.num_train_timesteps, (len(x),), device=x.device)
        noise = torch.randn_like(x)
        noisy = self.schedule.add_noise(x, noise, t)
        wanted = noise if self.schedule.config.prediction_type == "epsilon" else self.schedule.get_velocity(x, noise, t)
        return functional.mse_loss(self.network(noisy, t, values).float(), wanted)
