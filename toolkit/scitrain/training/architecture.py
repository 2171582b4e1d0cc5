"""What a network is made of: its layers with shapes, parameters and work, counted and not estimated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from scitrain.contracts.model import InputShape
from scitrain.spec import Spec
from scitrain.training.predictor import Member, Predictor, kinds_of

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["Architecture", "LayerRow", "architecture", "ensemble_architecture"]


class LayerRow(Spec):
    """One layer."""

    name: str
    """Where it stands in the network, such as `encoder.layers.0`."""
    kind: str
    """Kind of a layer of a stack, else its class."""
    shape: list[int] | None
    """What leaves it, without the batch; null where it never ran for this row."""
    parameters: int
    flops: int
    """Of one row: multiplications and additions of linear layers, convolutions, recurrent layers and attention."""


class Architecture(Spec):
    """The layers of one member, the first, its head the last of them; where members are unlike, `kinds` has one of each."""

    members: int
    input: list[int]
    """Shape of one row as the network reads it."""
    layers: list[LayerRow]
    parameters: int
    """Of one member."""
    flops: int
    """Of one row through one member."""
    kinds: dict[str, "Architecture"] = {}
    """By what it reads, one of each kind of members with their number; empty where all are alike."""
    agreed: str = "mean"
    """How their predictions become one."""

    def whole(self, what: Literal["parameters", "flops"]) -> int:
        """Return the parameters or the work for one row of all members together."""
        alike = self.kinds.values() or (self,)
        return sum(int(getattr(one, what)) * one.members for one in alike)


def ensemble_architecture(predictor: Predictor) -> Architecture:
    """Return the layers of the first member, and of one of each kind where members are unlike."""
    members = [cast("Member", member) for member in predictor.members]
    first = architecture(members[0], predictor.inner, len(members))
    kinds = {
        reads: architecture(members[places[0]], predictor.inner, len(places))
        for reads, places in kinds_of(members).items()
    }
    return first.model_copy(update={"kinds": kinds, "agreed": predictor.head.agreement(len(members))})


def architecture(member: Member, inner: InputShape, members: int) -> Architecture:
    """Send one row of zeros of the shape ``inner`` through ``member`` and write down what each layer does."""
    rows = {name: module for name, module in _layers(member, "") if name}
    counter = _Counter()
    handles = [handle for name, module in rows.items() for handle in counter.watch(name, module)]
    row = torch.zeros(1, *inner.shape, dtype=torch.int64 if inner.kind == "tokens" else torch.float32)
    training = member.training
    try:
        with torch.no_grad(), counter:
            member.eval()(row)
    finally:
        member.train(training)
        for handle in handles:
            handle.remove()
    layers = [_row(name, module, counter) for name, module in rows.items()] + list(_loose(member, rows))
    return Architecture(
        members=members,
        input=list(inner.shape),
        layers=layers,
        parameters=sum(p.numel() for p in member.parameters()),
        flops=sum(counter.flops.values()),
    )


def _layers(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules a person calls layers: what holds others in a list or a sequence is opened."""
    children = list(module.named_children())
    opened = isinstance(module, nn.Sequential | nn.ModuleList | Member) or any(
        isinstance(child, nn.Sequential | nn.ModuleList) for _, child in children
    )
    if not (opened or (name == "encoder" and children)):
        if not isinstance(module, nn.Identity):
            yield name, module
        return
    for own, child in children:
        yield from _layers(child, f"{name}.{own}" if name else own)


def _row(name: str, module: nn.Module, counter: "_Counter") -> LayerRow:
    shape = counter.shapes.get(name)
    kind = str(getattr(module, "kind", type(module).__name__))
    weights = sum(p.numel() for p in module.parameters())
    return LayerRow(name=name, kind=kind, shape=shape, parameters=weights, flops=counter.flops.get(name, 0))


def _loose(member: Member, rows: Mapping[str, nn.Module]) -> Iterator[LayerRow]:
    """Yield the parameters that belong to none of the layers, such as learned places."""
    told = {id(p) for module in rows.values() for p in module.parameters()}
    for name, p in member.named_parameters():
        if id(p) not in told:
            yield LayerRow(name=name, kind="Parameter", shape=list(p.shape), parameters=p.numel(), flops=0)


class _Counter(TorchFunctionMode):
    """Adds up the work of each function of `WORK` under the layer that calls it.

    torch's own counter is not taken: it loads a thousand modules (seconds), and passes over recurrent layers on a CPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops: dict[str, int] = {}
        self.shapes: dict[str, list[int] | None] = {}
        self.at: list[str] = []

    def watch(self, name: str, module: nn.Module) -> "list[RemovableHandle]":
        """Follow a layer in and out."""

        def leave(_: nn.Module, __: object, out: object) -> None:
            first = out[0] if isinstance(out, tuple) else out
            self.shapes[name] = list(first.shape[1:]) if isinstance(first, Tensor) else None
            self.at.pop()

        return [module.register_forward_pre_hook(lambda *_: self.at.append(name)), module.register_forward_hook(leave)]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """Call the function and count its work."""
        out = func(*args, **(kwargs or {}))
        count = WORK.get(getattr(func, "__name__", ""))
        if count is not None:
            where = self.at[-1] if self.at else ""
            self.flops[where] = self.flops.get(where, 0) + count(args, out)
        return out


def _product(args: tuple[Any, ...], out: Tensor) -> int:
    """Count x · W: each number is a sum of as many products as x has columns."""
    return 2 * out.numel() * int(args[0].shape[-1])


def _convolution(args: tuple[Any, ...], out: Tensor) -> int:
    """Count a convolution: each number is a sum over the kernel and the channels of its group."""
    return 2 * out.numel() * int(args[1][0].numel())


def _attention(args: tuple[Any, ...], out: Tensor) -> int:
    """Count Q Kᵀ, and its product with V."""
    query, key = args[0], args[1]
    return 2 * int(key.shape[-2]) * int(query.numel() + out.numel())


def _recurrence(args: tuple[Any, ...], out: object) -> int:
    """Count at each place the weights of what comes in and of the state; (batch, length, width) and weights as `nn.LSTM` has them."""
    return 2 * int(args[0].shape[0] * args[0].shape[1]) * sum(int(w.numel()) for w in args[2] if w.dim() == 2)


WORK: Mapping[str, Callable[[tuple[Any, ...], Any], int]] = {
    **dict.fromkeys(("linear", "matmul", "__matmul__", "mm", "bmm"), _product),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrence),
    "scaled_dot_product_attention": _attention,
}
