"""One token at a time through GPT-2, with keys and values of the earlier ones kept in arrays that never grow."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from scitrain.generation.gpt import ConditionalGPT

__all__ = ["Stepper"]


class Stepper:
    """Rows of strings that grow together, all of the same length; `keep` drops those that are done.

    Reads the weights under the names of GPT-2's published checkpoints, and does nothing else: no mask, no copy of the
    cache in each step, no objects between layers. A law of the tests: its logits are those of the network.
    """

    def __init__(self, model: ConditionalGPT, rows: int, length: int) -> None:
        """Make room for ``rows`` strings of at most ``length`` places, conditions included."""
        self.model = model
        body = model.body
        self.heads, width = body.config.n_head, body.config.n_embd
        self.place = 0
        weight = body.transformer.wte.weight
        shape = (len(body.transformer.h), 2, rows, self.heads, length, width // self.heads)
        self.past = torch.zeros(shape, device=weight.device, dtype=weight.dtype)
        """Keys and values, (layers, 2, rows, heads, length, width of a head)."""

    @torch.no_grad()
    def start(self, values: Tensor) -> None:
        """Take in the conditions (rows, properties), the first place of each string."""
        if self.model.conditions is not None:
            self._forward(self.model.conditions(values))

    @torch.no_grad()
    def step(self, tokens: Tensor) -> Tensor:
        """Return the logits (rows, vocabulary) after one more token (rows,) each."""
        logits: Tensor = self.model.body.lm_head(self.states(tokens))
        return logits.float()

    @torch.no_grad()
    def states(self, tokens: Tensor) -> Tensor:
        """Return the last states (rows, width) after one more token (rows,) each."""
        return self._forward(self.model.body.transformer.wte(tokens))

    def keep(self, rows: Tensor) -> None:
        """Go on with ``rows`` alone, which may stand in another order or several times."""
        self.past = self.past.index_select(2, rows)

    def _forward(self, x: Tensor) -> Tensor:
        """Return the last states (rows, width) of embeddings (rows, width) at the next place."""
        body = self.model.body.transformer
        x = x + body.wpe.weight[self.place]
        n, end = len(x), self.place + 1
        blocks: list[Any] = list(body.h)  # their parts are modules, which their class does not say
        for past, block in zip(self.past, blocks, strict=True):
            attention, mlp = block.attn, block.mlp
            qkv = _conv(block.ln_1(x), attention.c_attn).view(n, 3, self.heads, -1)
            past[0, :, :, self.place], past[1, :, :, self.place] = qkv[:, 1], qkv[:, 2]
            seen = functional.scaled_dot_product_attention(qkv[:, 0, :, None], past[0, :, :, :end], past[1, :, :, :end])
            x = x + _conv(seen.reshape(n, -1), attention.c_proj)
            x = x + _conv(mlp.act(_conv(block.ln_2(x), mlp.c_fc)), mlp.c_proj)
        self.place = end
        out: Tensor = body.ln_f(x)
        return out


def _conv(x: Tensor, layer: torch.nn.Module) -> Tensor:
    return torch.addmm(layer.bias, x, layer.weight)  # type: ignore[arg-type]  # its parameters
