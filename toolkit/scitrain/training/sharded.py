"""A member whose weights, gradients and optimiser state are spread over the processes."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from scitrain.training.predictor import Member
from scitrain.training.team import Weights

__all__ = ["ShardedTeam"]

CONTAINERS = (nn.ModuleList, nn.Sequential)


class ShardedTeam:
    """Does what a `Team` of one does, with each process holding its part of every weight (FSDP2, arXiv:2304.11277).

    Layers (the members of lists and sequences of modules) are gathered one at a time, for the forward and for the backward
    pass, and let go. Snapshots and optimiser states are whole and lie in the first process's main memory, in the format of
    a `Team`: a checkpoint says nothing of how many processes wrote it. All processes must call each method alike.
    """

    size = 1
    sharded = True
    compiled = False

    def __init__(self, member: Member, device: str) -> None:
        self.member, self.device = member, device
        self.mesh = init_device_mesh(device, (dist.get_world_size(),))
        for unit in [*_units(member), member]:
            fully_shard(unit, mesh=self.mesh, reshard_after_forward=True)
        member.to(device)
        for module in member.modules():
            if isinstance(module, FSDPModule):
                # The losses of a batch's parts add up; gloo divides nothing.
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)
        trained = {name: tensor for name, tensor in member.named_parameters() if tensor.requires_grad}
        order = sorted(trained, key=lambda name: trained[name].ndim < 2)
        self._trained: dict[str, DTensor] = {name: trained[name] for name in order}  # type: ignore[misc]
        self.buffers = [b.view(1, -1) for b in dict(member.named_buffers()).values() if b.is_floating_point()]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """What the optimiser changes."""
        return [{"params": list(self._trained.values())}]

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (1, batch, …) to outputs (1, batch, n_outputs)."""
        return self.member(rows[0])[0][None]  # type: ignore[no-any-return]

    def thaw(self, epoch: int) -> None:
        """Do nothing: all its weights learn from the first epoch on."""

    def compile(self, on: bool) -> None:
        """Refuse: layers that are gathered one at a time are no single program; `share_out` does not ask for it.

        Raises:
            ValueError: It shall be compiled.
        """
        if on:
            raise ValueError("weights in parts run without torch.compile")

    def train(self, mode: bool) -> None:
        """Switch dropout and batch-norm between training and evaluation."""
        self.member.train(mode)

    def clear(self) -> None:
        """Forget the gradient."""
        for weight in self._trained.values():
            weight.grad = None

    def gather(self, loss: Tensor, add: bool = False) -> None:
        """Add up the gradients of every process's ``loss`` (a scalar), each process keeping its part."""
        if not add:
            self.clear()
        loss.backward()  # type: ignore[no-untyped-call]

    def reduce(self) -> None:
        """Do nothing: the backward pass has added up the gradients."""

    def clip(self, largest: float) -> None:
        """Shrink the gradient where its norm is above ``largest``."""
        parts = [_part(weight.grad) for weight in self._trained.values() if weight.grad is not None]
        square = torch.stack([part.square().sum() for part in parts]).sum()
        dist.all_reduce(square)
        factor = (largest / (square.sqrt() + 1e-6)).clamp_(max=1.0)
        for part in parts:
            part.mul_(factor)

    def unscale(self, factor: float) -> bool:
        """Multiply the gradient, and tell whether every process's part of it is finite."""
        finite = torch.ones((), device=self.device)
        for weight in self._trained.values():
            if weight.grad is not None:
                part = _part(weight.grad).mul_(factor)
                finite *= torch.isfinite(part).all()
        dist.all_reduce(finite, op=dist.ReduceOp.MIN)
        return bool(finite.item())

    def prepare(self, optimizer: torch.optim.Optimizer, rate: float, weight_decay: float, epoch: int) -> None:
        """Set the rate, and decay the weight matrices as AdamW does before its step; gradients lie where it looks for them."""
        optimizer.param_groups[0]["lr"] = rate
        with torch.no_grad():
            for weight in self._trained.values():
                if weight.ndim >= 2:
                    _part(weight).mul_(1 - rate * weight_decay)

    def snapshot(self) -> Weights:
        """Copy all weights and buffers into the first process's main memory; elsewhere the copy is empty."""
        return Weights([self._whole(self._trained), *(buffer.detach().cpu().clone() for buffer in self.buffers)])

    def restore(self, weights: Weights) -> None:
        """Take back a snapshot of the first process."""
        self._spread(self._trained, weights.arrays[0])
        with torch.no_grad():
            for buffer, saved in zip(self.buffers, weights.arrays[1:], strict=True):
                buffer.copy_(saved)

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the state of AdamW as that of a `Team` has it: over one array."""
        state: dict[str, Any] = {}
        for name in ("exp_avg", "exp_avg_sq") if optimizer.state else ():
            moments = {key: optimizer.state[w][name] for key, w in self._trained.items() if w in optimizer.state}
            state[name] = self._whole(self._filled(moments))
        if optimizer.state:
            state["step"] = next(iter(optimizer.state.values()))["step"].detach().cpu().clone()
        groups = [{**group, "params": [0]} for group in optimizer.state_dict()["param_groups"]]
        return {"state": {0: state} if state else {}, "param_groups": groups}

    def load_optimizer(self, optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
        """Take back what `optimizer_state` returned."""
        for state in saved["state"].values():
            for weight in self._trained.values():
                optimizer.state[weight]["step"] = state["step"].to(self.device)
                for name in ("exp_avg", "exp_avg_sq"):
                    optimizer.state[weight][name] = torch.zeros_like(weight)
            for name in ("exp_avg", "exp_avg_sq"):
                moments = {key: optimizer.state[weight][name] for key, weight in self._trained.items()}
                self._spread(moments, state[name])

    def states(self) -> list[dict[str, Tensor]]:
        """Return the member's whole state in the first process, an empty one elsewhere."""
        found = {}
        for name, tensor in self.member.state_dict().items():
            whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            if dist.get_rank() == 0:
                found[name] = whole.detach().cpu().clone()
        return [found]

    def _filled(self, moments: Mapping[str, DTensor]) -> dict[str, DTensor]:
        """Return a tensor a weight, zeros for those no gradient ever reached."""
        return {name: moments[name] if name in moments else torch.zeros_like(w) for name, w in self._trained.items()}  # type: ignore[misc]

    def _whole(self, tensors: Mapping[str, DTensor]) -> Tensor:
        """Return (1, numbers) of all tensors one after the other, in the first process; (1, 0) elsewhere."""
        parts = [torch.zeros(0)]
        with torch.no_grad():
            for tensor in tensors.values():
                whole = tensor.full_tensor()
                if dist.get_rank() == 0:
                    parts.append(whole.flatten().cpu())
        return torch.cat(parts)[None]

    def _spread(self, tensors: Mapping[str, DTensor], array: Tensor) -> None:
        """Fill tensors with their parts of the first process's ``array`` (1, numbers)."""
        start = 0
        with torch.no_grad():
            for tensor in tensors.values():
                whole = torch.empty(tensor.shape, device=self.device)
                if dist.get_rank() == 0:
                    whole.copy_(array[0, start : start + tensor.numel()].view(tensor.shape))
                start += tensor.numel()
                _part(tensor).copy_(_part(distribute_tensor(whole, self.mesh, tensor.placements)))


def _part(tensor: Tensor) -> Tensor:
    """Return this process's part, sharing memory."""
    if not isinstance(tensor, DTensor):
        raise TypeError(f"a sharded weight is a DTensor, this is a {type(tensor).__name__}")
    with torch.no_grad():
        part: Tensor = tensor.to_local()
    return part


def _units(member: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers that are gathered apart from one another, the inner ones first."""
    for module in [*member.modules()][::-1]:
        if isinstance(module, CONTAINERS):
            for child in module:
                if any(True for _ in child.parameters()) and not isinstance(child, CONTAINERS):
                    yield child
