"""What a string will come to, told while it is written: each next token is judged by the property it leads to."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Forecast"]

NARROWEST, WIDEST = -2.5, 1.5
"""Of ln σ, in standard deviations of the training rows."""
DOUBT = 0.1
"""Standard deviations that are added to σ when a forecast is used: no forecast is trusted further."""


class Forecast(nn.Module):
    """zₚ | tokens before, x ~ N(μₚₓ, σₚₓ²) of each property p and next token x, from the state of a network that was told nothing.

    By Bayes p(x | before, z) ∝ p(x | before) Πₚ p(zₚ | before, x): future discriminators, Yang and Klein 2021, arXiv:2104.05218,
    here of numbers. A regression at every token is learned from far fewer strings than the trace of a property in their likelihoods.
    """

    def __init__(self, properties: int, width: int, vocabulary: int) -> None:
        super().__init__()
        self.properties = properties
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, 2 * properties * vocabulary)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ (…, vocabulary, properties) of states (…, width)."""
        told = self.outer(functional.gelu(self.inner(states))).float()
        mean, spread = told.unflatten(-1, (-1, 2, self.properties)).unbind(-2)
        return mean, spread.clamp(NARROWEST, WIDEST)

    def loss(self, states: Tensor, following: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
        """Return the mean −ln p of what the strings are, nats a known value and token, less ½ ln 2π.

        Args:
            states: (rows, length, width).
            following: Token after each, (rows, length).
            truth: Standardised properties (rows, properties), NaN where unknown.
            counted: Which places there are, (rows, length).
        """
        at = following[..., None, None].expand(*following.shape, 1, self.properties)
        mean, spread = (part.gather(-2, at).squeeze(-2) for part in self(states))
        known = ~torch.isnan(truth)
        apart = (torch.where(known, truth, 0.0)[:, None] - mean) / spread.exp()
        weight = counted[..., None] & known[:, None]
        told: Tensor = ((0.5 * apart**2 + spread) * weight).sum() / weight.sum().clamp(min=1)
        return told

    def likelihood(self, states: Tensor, asked: Tensor) -> Tensor:
        """Return ln p(asked | before, x) (rows, vocabulary) of states (rows, width); asked (rows, properties), NaN where nothing is."""
        mean, spread = self(states)
        wanted = ~torch.isnan(asked)
        variance = (2 * spread).exp() + DOUBT**2
        apart = torch.where(wanted, asked, 0.0)[:, None] - mean
        told = -0.5 * (apart**2 / variance + variance.log() + math.log(2 * math.pi))
        found: Tensor = (told * wanted[:, None]).sum(-1)
        return found
