"""Members that are trained in one pass, with all their weights in two flat arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from scitrain.training.predictor import Member
from scitrain.training.start import Pace

__all__ = ["Part", "Team", "Weights"]


@dataclass
class Weights:
    """A copy of all that training changes in a team, one row a member."""

    arrays: list[Tensor]
    """(members, numbers) each: the weights, then each buffer."""

    def take(self, member: int, other: "Weights") -> None:
        """Overwrite one member's row by that of ``other``."""
        for mine, theirs in zip(self.arrays, other.arrays, strict=True):
            mine[member].copy_(theirs[member])


@dataclass(frozen=True)
class Part:
    """Weights of one pace, as views of the team's arrays."""

    pace: Pace
    weights: Tensor
    """(members, numbers)"""
    gradient: Tensor
    """(members, numbers)"""
    decayed: Tensor
    """(members, numbers): its weight matrices."""


class Team:
    """K members of one architecture, as one array (K, numbers) of which the members' tensors are views.

    Weights of one pace lie together: the matrices, which decay, first, then biases and norms, which do not. So the optimiser
    (a pace), the norm of the gradient, a snapshot and an all-reduce are one operation each however many tensors a network
    has. With K > 1 the members are computed by `torch.func.vmap` over stacked views, batch-norm statistics and dropout
    apart for each.
    """

    sharded = False

    def __init__(self, members: Sequence[Member], device: str, paces: Mapping[str, Pace] | None = None) -> None:
        self.members = [member.to(device) for member in members]
        self.size = len(members)
        first = self.members[0]
        trained = {name: tensor for name, tensor in first.named_parameters() if tensor.requires_grad}
        paced = {name: (paces or {}).get(name, Pace()) for name in trained}
        names = sorted(
            trained, key=lambda name: (paced[name], trained[name].ndim < 2)
        )  # stable: as the network has them
        flat, self._views = self._flatten(names)
        self.weights = nn.Parameter(flat)
        self.gradient = torch.zeros_like(flat)
        self.parts = self._parts(flat, {name: (paced[name], trained[name]) for name in names})
        self._paces = [paced[name] for name in names]
        self._still = [m for m in first.modules() if isinstance(m, _BatchNorm) and _stands_still(m)]
        # An array each: batch-norm under vmap updates its statistics in place only where they lie in one piece.
        kept = [name for name, buffer in first.named_buffers() if buffer.is_floating_point()]
        apart = {name: self._flatten([name]) for name in kept}
        self.buffers = [buffer for buffer, _ in apart.values()]
        self._buffer_views = {name: views[name] for name, (_, views) in apart.items()}
        self._leaves = self._connect()
        self._mask: Tensor | None = None
        self._compiled: Callable[[Tensor], Tensor] | None = None

    @property
    def groups(self) -> list[dict[str, Any]]:
        """What the optimiser changes, a group a pace."""
        return [{"params": [part.weights]} for part in self.parts]

    @property
    def compiled(self) -> bool:
        """True where training passes run through `torch.compile`."""
        return self._compiled is not None

    def compile(self, on: bool) -> None:
        """Let torch compile the training passes; others, of other sizes and few, stay as they are."""
        # A batch has one of two sizes, which differ by a row: two programs of fixed sizes are faster than one of any size.
        self._compiled = torch.compile(self._forward, dynamic=False) if on else None

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (members, batch, …) to outputs (members, batch, n_outputs)."""
        if self._compiled is not None and self.members[0].training:
            return self._compiled(rows)
        return self._forward(rows)

    def _forward(self, rows: Tensor) -> Tensor:
        if self.size == 1:
            return self.members[0](rows[0])[0][None]  # type: ignore[no-any-return]
        outputs: Tensor = vmap(self._one, in_dims=(0, 0, 0), randomness="different")(
            self._views, self._buffer_views, rows
        )
        return outputs

    def train(self, mode: bool) -> None:
        """Switch dropout and batch-norm between training and evaluation."""
        self.members[0].train(mode)
        for norm in self._still:  # one that is not trained keeps the statistics it came with
            norm.eval()

    def thaw(self, epoch: int) -> None:
        """Let the weights learn whose epoch (from 0) has come."""
        for leaf, pace in zip(self._leaves, self._paces, strict=True):
            leaf.requires_grad_(epoch >= pace.thaw)

    def clear(self) -> None:
        """Set `gradient` to zero."""
        self.gradient.zero_()

    def gather(self, loss: Tensor, add: bool = False) -> None:
        """Set `gradient` to that of ``loss`` (a scalar), or add it; one copy, where ``backward`` would zero and add."""
        learning = [leaf for leaf in self._leaves if leaf.requires_grad]
        found = iter(torch.autograd.grad(loss, learning, materialize_grads=True))
        rows = [
            (next(found) if leaf.requires_grad else torch.zeros_like(leaf)).reshape(self.size, -1)
            for leaf in self._leaves
        ]
        if add:
            self.gradient += torch.cat(rows, dim=1)
        else:
            torch.cat(rows, dim=1, out=self.gradient)
        if self._mask is not None:
            self.gradient *= self._mask

    def keep_zeros(self) -> None:
        """Let weight matrices keep the zeros they have now: without a gradient AdamW leaves a zero where it is."""
        there = [
            (view != 0 if view.ndim > 2 else torch.ones_like(view)).reshape(self.size, -1)
            for view in self._views.values()
        ]
        self._mask = torch.cat([part.to(self.weights.dtype) for part in there], dim=1)

    def reduce(self) -> None:
        """Add up the gradients of all processes."""
        dist.all_reduce(self.gradient)

    def unscale(self, factor: float) -> bool:
        """Multiply the gradient, and tell whether all of it is finite."""
        self.gradient.mul_(factor)
        return bool(torch.isfinite(self.gradient).all())

    def prepare(self, optimizer: torch.optim.Optimizer, rate: float, weight_decay: float, epoch: int) -> None:
        """Give each part its rate, and those whose epoch has come their decay and gradient; the moments of all others stay nought."""
        for part, group in zip(self.parts, optimizer.param_groups, strict=True):
            own = group["lr"] = rate * part.pace.scale
            if epoch >= part.pace.thaw:
                part.decayed.mul_(1 - own * weight_decay)
                part.weights.grad = part.gradient

    def clip(self, largest: float) -> None:
        """Shrink the gradient of each member whose norm is above ``largest``, each by its own norm."""
        norms = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
        self.gradient.mul_((largest / (norms + 1e-6)).clamp_(max=1.0))

    def snapshot(self) -> Weights:
        """Copy all weights and buffers."""
        return Weights([array.detach().clone() for array in (self.weights, *self.buffers)])

    def restore(self, weights: Weights) -> None:
        """Take back a snapshot, and write it into the members' own modules."""
        with torch.no_grad():
            for array, saved in zip((self.weights, *self.buffers), weights.arrays, strict=True):
                array.copy_(saved)
        if self.size > 1:
            self._write_back()

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return what `load_optimizer` takes back."""
        return optimizer.state_dict()

    def load_optimizer(self, optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
        """Take back what `optimizer_state` returned."""
        optimizer.load_state_dict(saved)

    def states(self) -> list[dict[str, Tensor]]:
        """Copy the state of each member."""
        return [{name: tensor.detach().clone() for name, tensor in m.state_dict().items()} for m in self.members]

    def _parts(self, flat: Tensor, ordered: Mapping[str, tuple[Pace, Tensor]]) -> list[Part]:
        """Return a part for each pace, in the order of the array."""
        parts, start = [], 0
        for pace in dict.fromkeys(pace for pace, _ in ordered.values()):
            sizes = [(tensor.ndim >= 2, tensor.numel()) for own, tensor in ordered.values() if own == pace]
            end = start + sum(size for _, size in sizes)
            decayed = flat[:, start : start + sum(size for matrix, size in sizes if matrix)]
            parts.append(Part(pace, flat[:, start:end], self.gradient[:, start:end], decayed))
            start = end
        return parts

    def _flatten(self, names: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """Copy the named tensors of all members into one array, and return it with views (members, *shape) by name."""
        tensors = [dict(m.named_parameters()) | dict(m.named_buffers()) for m in self.members]
        flat = torch.stack([torch.cat([t[name].detach().flatten() for name in names]) for t in tensors])
        views, start = {}, 0
        for name in names:
            shape = tensors[0][name].shape
            views[name] = flat[:, start : start + shape.numel()].view(self.size, *shape)
            start += shape.numel()
        return flat, views

    def _connect(self) -> list[Tensor]:
        """Make the views what is computed with, and return the tensors that gradients are taken of, in their order."""
        if self.size > 1:
            return [view.requires_grad_(True) for view in self._views.values()]
        own = dict(self.members[0].named_parameters()) | dict(self.members[0].named_buffers())
        for name, view in (self._views | self._buffer_views).items():
            own[name].data = view[0]
        return [own[name] for name in self._views]

    def _one(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], rows: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self.members[0], (weights, buffers), (rows,))[0]
        return outputs

    def _write_back(self) -> None:
        for index, member in enumerate(self.members):
            own = dict(member.named_parameters()) | dict(member.named_buffers())
            for name, view in (self._views | self._buffer_views).items():
                own[name].data.copy_(view[index].detach())


def _stands_still(module: nn.Module) -> bool:
    weights = list(module.parameters())
    return bool(weights) and not any(weight.requires_grad for weight in weights)
