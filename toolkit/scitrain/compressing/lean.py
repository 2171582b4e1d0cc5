"""The same function with less to compute: what an exact rewriting can spare before anything is rounded."""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from scitrain.training.mixed_head import MixedHead
from scitrain.training.predictor import Member, Predictor
from scitrain.training.transforms import ImageInput

__all__ = ["Lean", "lean", "without_dead_taps"]

Convolution = nn.Conv1d | nn.Conv2d


class Lean(Predictor):
    """A predictor of one member with a point, whose last layer gives the answer at once.

    Pooling one member's probabilities gives them back, and its spread is zero: p = softmax(l / T) or σ(l / T), ŷ = shift + scale · l. The
    temperature, or scale and shift, are multiplied into the head's weights.
    """

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return prediction, spread (zeros) and representation, as `Predictor` does."""
        output, features = self.members[0](self.inputs(rows))
        if isinstance(self.head, MixedHead):
            plain = torch.ones_like(self.scale)
            prediction = self.head.said(output[None], plain, torch.zeros_like(plain), plain)[0]
        elif self.task == "regression":
            prediction = self.head.cut(output)
        elif self.task == "multiclass":
            prediction = output.softmax(1)
        else:
            prediction = torch.sigmoid(output)
        # zeros of the same shape in one operation, where `zeros_like` becomes several in ONNX
        return prediction, prediction - prediction, features


def lean(predictor: Predictor) -> tuple[Predictor, int]:
    """Return the same function in fewer operations, as a copy, and how many weights it does without."""
    copied, dead = without_dead_taps(predictor)
    _without_idle_pools(copied)
    _fold_input(copied)
    if len(copied.members) > 1 or copied.head.kind not in ("point", "mixed"):
        return copied, dead
    short = Lean.__new__(Lean)
    short.__dict__.update(copied.__dict__)
    _fold_output(short)
    return short.eval(), dead


def without_dead_taps(predictor: Predictor) -> tuple[Predictor, int]:
    """Cut the outer taps of convolutions that meet nothing but padding, which has no part in any prediction.

    A kernel of 3 on an axis of one pixel is such a case: networks that halve an image of 8 pixels three times end there.
    """
    copied = copy.deepcopy(predictor).eval()
    dead = 0
    for layer, given in _watched(copied, (nn.Conv1d, nn.Conv2d)):
        dead += _cut(cast("Convolution", layer), tuple(given.shape[2:]))
    return copied, dead


def _watched(predictor: Predictor, kinds: tuple[type[nn.Module], ...]) -> list[tuple[nn.Module, Tensor]]:
    """Send one row of zeros through each member; return its layers of these kinds with what came into each."""
    found: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        found[layer] = given[0]

    handles = [m.register_forward_pre_hook(note) for m in predictor.members.modules() if isinstance(m, kinds)]
    row = _nothing(predictor)
    with torch.no_grad():
        for member in predictor.members:
            member(row)
    for handle in handles:
        handle.remove()
    return list(found.items())


def _nothing(predictor: Predictor) -> Tensor:
    inner = predictor.inner
    return torch.zeros(1, *inner.shape, dtype=torch.int64 if inner.kind == "tokens" else torch.float32)


def _cut(layer: Convolution, size: tuple[int, ...]) -> int:
    """Cut a layer's kernel where both ends are dead alike; returns the weights that are gone."""
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return 0
    before = layer.weight.numel()
    padding, kernels = list(layer.padding), list(layer.kernel_size)
    for axis, places in enumerate(size):
        cut = _dead(places, kernels[axis], padding[axis], layer.stride[axis], layer.dilation[axis])
        kernels[axis] -= 2 * cut
        padding[axis] -= cut * layer.dilation[axis]
        layer.weight = nn.Parameter(layer.weight.detach().narrow(axis + 2, cut, kernels[axis]).clone())
    layer.kernel_size, layer.padding = tuple(kernels), tuple(padding)
    layer._reversed_padding_repeated_twice = [p for p in reversed(padding) for _ in range(2)]
    return before - layer.weight.numel()


def _dead(places: int, kernel: int, padding: int, stride: int, dilation: int) -> int:
    """Return how many taps at each end of a kernel meet padding at every position; as many at both, for padding is the same there."""
    positions = (places + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    starts = range(-padding, -padding + positions * stride, stride)
    alive = [tap for tap in range(kernel) if any(0 <= start + tap * dilation < places for start in starts)]
    return min(alive[0], kernel - 1 - alive[-1], padding // dilation) if alive else 0


def _without_idle_pools(predictor: Predictor) -> None:
    """Leave out means over one pixel."""
    idle = {id(pool) for pool, given in _watched(predictor, (nn.AdaptiveAvgPool2d,)) if given.shape[2:].numel() == 1}
    for module in list(predictor.members.modules()):
        for name, child in module.named_children():
            if id(child) in idle:
                setattr(module, name, nn.Identity())


def _fold_input(predictor: Predictor) -> None:
    """Multiply the scale of the pixels into the convolutions that read them; the shift stays, for edges are filled with zeros behind it."""
    inputs = predictor.inputs
    if not isinstance(inputs, ImageInput):
        return
    row = _nothing(predictor)
    first = [_first(cast("Member", member), row) for member in predictor.members]
    if any(layer is None for layer in first):
        return
    with torch.no_grad():
        for layer in first:
            cast("nn.Conv2d", layer).weight.mul_(inputs.scale)
        predictor.inputs = Shifted(inputs)


class Shifted(nn.Module):
    """x − mean for each channel."""

    shift: Tensor

    def __init__(self, inputs: ImageInput) -> None:
        super().__init__()
        self.register_buffer("shift", inputs.shift)

    def forward(self, rows: Tensor) -> Tensor:
        """Map images to shifted ones."""
        return rows - self.shift


def _first(member: Member, row: Tensor) -> nn.Conv2d | None:
    """Return the convolution that alone reads the very rows; None where another layer does."""
    readers: list[nn.Module] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given[0] is row and not list(layer.children()):
            readers.append(layer)

    handles = [layer.register_forward_pre_hook(note) for layer in member.modules()]
    with torch.no_grad():
        member(row)
    for handle in handles:
        handle.remove()
    alone = len(readers) == 1 and isinstance(readers[0], nn.Conv2d) and readers[0].groups == 1
    return cast("nn.Conv2d", readers[0]) if alone else None


def _fold_output(short: Lean) -> None:
    """Multiply what follows the head into it."""
    head = cast("Member", short.members[0]).head
    numbers = torch.zeros_like(short.scale, dtype=torch.bool) | (short.task == "regression")
    if isinstance(short.head, MixedHead):
        for slot in short.head.slots:
            numbers[slot.start : slot.end] = slot.task == "regression"
    factor = torch.where(numbers, short.scale, 1 / short.temperature)
    with torch.no_grad():
        head.weight.mul_(factor.reshape(-1, 1))
        head.bias.mul_(factor)
        head.bias.add_(torch.where(numbers, short.shift, torch.zeros_like(short.shift)))
