"""Members that are trained in one pass, with all their weights in two flat arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from scitrain.training.predictor import Member

__all__ = ["Team", "Weights"]


@dataclass
class Weights:
    """A copy of all that training changes in a team, one row a member."""

    arrays: list[Tensor]
    """(members, numbers) each: decayed weights, other weights, then each buffer."""

    def take(self, member: int, other: "Weights") -> None:
        """Overwrite one member's row by that of ``other``."""
        for mine, theirs in zip(self.arrays, other.arrays, strict=True):
            mine[member].copy_(theirs[member])


class Team:
    """K members of one architecture, as arrays (K, numbers) of which the members' tensors are views.

    One array holds the weight matrices, which decay, one the biases and norms, which do not. So the optimiser, the norm
    of the gradient, a snapshot and an all-reduce are a few operations however many tensors a network has. With K > 1 the
    members are computed by `torch.func.vmap` over stacked views, batch-norm statistics and dropout apart for each.
    """

    def __init__(self, members: Sequence[Member], device: str) -> None:
        self.members = [member.to(device) for member in members]
        self.size = len(members)
        first = self.members[0]
        self._trained = [name for name, tensor in first.named_parameters() if tensor.requires_grad]
        shapes = dict(first.named_parameters())
        decayed = [name for name in self._trained if shapes[name].ndim >= 2]
        spared = [name for name in self._trained if shapes[name].ndim < 2]
        kept = [name for name, buffer in first.named_buffers() if buffer.is_floating_point()]
        self.decayed, decayed_views = self._flatten(decayed)
        self.spared, spared_views = self._flatten(spared)
        # An array each: batch-norm under vmap updates its statistics in place only where they lie in one piece.
        apart = {name: self._flatten([name]) for name in kept}
        self.buffers = [flat.data for flat, _ in apart.values()]
        self._buffer_views = {name: views[name] for name, (_, views) in apart.items()}
        self._views = decayed_views | spared_views
        self.gradients = [torch.zeros_like(self.decayed.data), torch.zeros_like(self.spared.data)]
        self._connect()

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The two trained arrays, decayed first; gradients gather in place in their ``grad``."""
        return [self.decayed, self.spared]

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (members, batch, …) to outputs (members, batch, n_outputs)."""
        if self.size == 1:
            return self.members[0](rows[0])[0][None]  # type: ignore[no-any-return]
        outputs: Tensor = vmap(self._one, in_dims=(0, 0, 0), randomness="different")(
            self._views, self._buffer_views, rows
        )
        return outputs

    def train(self, mode: bool) -> None:
        """Switch dropout and batch-norm between training and evaluation."""
        self.members[0].train(mode)

    def zero_grad(self) -> None:
        """Set the gradients to zero where they lie, because the members' gradients are views of them."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient.zero_()

    def clip(self, largest: float) -> None:
        """Shrink the gradient of each member whose norm is above ``largest``, each by its own norm."""
        norms = torch.stack([torch.linalg.vector_norm(gradient, dim=1) for gradient in self.gradients])
        factor = (largest / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)[:, None]
        for gradient in self.gradients:
            gradient.mul_(factor)

    def snapshot(self) -> Weights:
        """Copy all weights and buffers."""
        return Weights([array.detach().clone() for array in (*self.parameters, *self.buffers)])

    def restore(self, weights: Weights) -> None:
        """Take back a snapshot, and write it into the members' own modules."""
        with torch.no_grad():
            for array, saved in zip((*self.parameters, *self.buffers), weights.arrays, strict=True):
                array.copy_(saved)
        if self.size > 1:
            self._write_back()

    def _flatten(self, names: Sequence[str]) -> tuple[nn.Parameter, dict[str, Tensor]]:
        """Copy the named tensors of all members into one array, and return it with views (members, *shape) by name."""
        tensors = [dict(m.named_parameters()) | dict(m.named_buffers()) for m in self.members]
        rows = [torch.cat([t[name].detach().flatten() for name in names] or [torch.zeros(0)]) for t in tensors]
        flat = nn.Parameter(torch.stack(rows).to(next(self.members[0].parameters()).device), requires_grad=False)
        views, start = {}, 0
        for name in names:
            shape = tensors[0][name].shape
            views[name] = flat.data[:, start : start + shape.numel()].view(self.size, *shape)
            start += shape.numel()
        return flat, views

    def _connect(self) -> None:
        """Make the views what is computed with: of the one member itself, or of the stack that vmap splits."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.requires_grad_(True)
            parameter.grad = gradient
        grads = self._grad_views()
        if self.size == 1:
            own = dict(self.members[0].named_parameters()) | dict(self.members[0].named_buffers())
            for name, view in (self._views | self._buffer_views).items():
                own[name].data = view[0]
            for name, grad in grads.items():
                own[name].grad = grad[0]
        else:
            for name, grad in grads.items():
                self._views[name].requires_grad_(True)
                self._views[name].grad = grad

    def _grad_views(self) -> dict[str, Tensor]:
        views, starts = {}, {True: 0, False: 0}
        for name in self._trained:
            shape = self._views[name].shape
            matrix = len(shape) > 2
            flat = self.gradients[0 if matrix else 1]
            end = starts[matrix] + shape[1:].numel()
            views[name] = flat[:, starts[matrix] : end].view(shape)
            starts[matrix] = end
        return views

    def _one(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], rows: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self.members[0], (weights, buffers), (rows,))[0]
        return outputs

    def _write_back(self) -> None:
        for index, member in enumerate(self.members):
            own = dict(member.named_parameters()) | dict(member.named_buffers())
            for name, view in (self._views | self._buffer_views).items():
                own[name].data.copy_(view[index].detach())
