"""The network that takes noise out of a vector, and the schedule by which noise was put in."""

import math
from typing import Any, Literal

import diffusers
import torch
from torch import Tensor, nn
from torch.nn import functional

from scitrain.generation.gpt import ConditionEncoder

__all__ = ["Denoiser", "Noise", "ddim", "training_schedule"]

DIFFUSERS: Any = diffusers  # it says no types
Noise = Any
"""A scheduler of diffusers."""
Schedule = Literal["cosine", "linear"]
Predicts = Literal["v", "epsilon"]
BETAS = {"cosine": "squaredcos_cap_v2", "linear": "linear"}
TYPES = {"v": "v_prediction", "epsilon": "epsilon"}
SLOWEST = 10_000.0
"""Longest period of the waves that tell the time, in steps."""


class Denoiser(nn.Module):
    """f(xₜ, t, c): residual blocks h ← h + W₂ silu((1 + s) ⊙ LN(h) W₁ + b), with s and b from time and conditions.

    Adaptive normalisation as Peebles and Xie have it, doi:10.1109/ICCV51070.2023.00387; conditions as in `ConditionEncoder`.
    """

    def __init__(self, dimensions: int, width: int, layers: int, properties: int) -> None:
        super().__init__()
        self.width, self.properties = width, properties
        self.inner = nn.Linear(dimensions, width)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEncoder(properties, width) if properties else None
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.first = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.second = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.tune = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.outer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dimensions))
        for layer in (*self.second, *self.tune, self.outer[1]):
            nn.init.zeros_(layer.weight)  # at first, nothing is changed
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor, values: Tensor | None) -> Tensor:
        """Return v or ε (batch, dimensions) of noisy vectors (batch, dimensions) at steps (batch,), told values (batch, properties)."""
        context = self.time(_waves(t, self.width))
        if self.conditions is not None and values is not None:
            context = context + self.conditions(values)
        context = functional.silu(context)
        h = self.inner(x)
        for norm, first, second, tune in zip(self.norms, self.first, self.second, self.tune, strict=True):
            scale, shift = tune(context).chunk(2, dim=-1)
            h = h + second(functional.silu(first(norm(h)) * (1 + scale) + shift))
        out: Tensor = self.outer(h)
        return out


def _waves(t: Tensor, width: int) -> Tensor:
    """Return sines and cosines (batch, width) of steps (batch,)."""
    half = width // 2
    rates = torch.exp(-math.log(SLOWEST) * torch.arange(half, device=t.device) / half)
    angles = t.float()[:, None] * rates
    return functional.pad(torch.cat([angles.sin(), angles.cos()], dim=-1), (0, width - 2 * half))


def training_schedule(steps: int, schedule: Schedule, predicts: Predicts, reach: float) -> Noise:
    """Return the noise of each step: linear (Ho et al. 2020, arXiv:2006.11239) or cosine (Nichol and Dhariwal, arXiv:2102.09672).

    ``reach`` is the largest number of the data: what a step takes for the clean vector is cut off there, for behind nearly pure noise a
    small error of ε is a thousandfold one of the vector.
    """
    return DIFFUSERS.DDPMScheduler(
        num_train_timesteps=steps,
        beta_schedule=BETAS[schedule],
        prediction_type=TYPES[predicts],
        clip_sample=True,
        clip_sample_range=reach,
    )


@torch.no_grad()
def ddim(network: Denoiser, noise: Tensor, values: Tensor, schedule: Noise, steps: int, guidance: float) -> Tensor:
    """Return samples (batch, dimensions) that grow out of noise in ``steps`` steps (Song et al. 2021, arXiv:2010.02502).

    Args:
        network: In evaluation mode.
        noise: Standard normal (batch, dimensions); the rest is no chance.
        values: Standardised conditions (batch, properties), NaN where nothing is asked.
        schedule: That of the training.
        steps: At most those of the training.
        guidance: g in f∅ + g · (fc − f∅) (arXiv:2207.12598).
    """
    sampler = DIFFUSERS.DDIMScheduler.from_config(schedule.config, timestep_spacing="trailing")
    sampler.set_timesteps(min(steps, schedule.config.num_train_timesteps), device=noise.device)
    twice = guidance != 1 and bool((~torch.isnan(values)).any())
    silent = torch.full_like(values, torch.nan)
    x = noise
    for step in sampler.timesteps:
        t = step.expand(len(x))
        out = network(x, t, values).float()
        if twice:
            without = network(x, t, silent).float()
            out = without + guidance * (out - without)
        x = sampler.step(out, step, x).prev_sample
    return x
