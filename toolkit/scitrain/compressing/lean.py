"""The same function with less to compute: what an exact rewriting can spare before anything is rounded."""

import copy

import torch
from torch import Tensor, nn

from scitrain.training.predictor import Predictor

__all__ = ["Lean", "lean", "without_dead_taps"]

Convolution = nn.Conv1d | nn.Conv2d


class Lean(Predictor):
    """A predictor of one member, without the mean over members that one member does not need.

    Pooling one member's probabilities gives them back, and its spread is zero: p = softmax(l / T) or σ(l / T), ŷ = shift + scale · l.
    """

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return prediction, spread (zeros) and representation, as `Predictor` does."""
        output, features = self.members[0](self.inputs(rows))
        if self.task == "regression":
            prediction = output * self.scale + self.shift
        elif self.task == "multiclass":
            prediction = (output / self.temperature).softmax(1)
        else:
            prediction = torch.sigmoid(output / self.temperature)
        # zeros of the same shape in one operation, where `zeros_like` becomes several in ONNX
        return prediction, prediction - prediction, features


def lean(predictor: Predictor) -> tuple[Predictor, int]:
    """Return the same function in fewer operations, as a copy, and how many weights it does without."""
    copied, dead = without_dead_taps(predictor)
    if copied.n_members > 1:
        return copied, dead
    short = Lean.__new__(Lean)
    short.__dict__.update(copied.__dict__)
    return short.eval(), dead


def without_dead_taps(predictor: Predictor) -> tuple[Predictor, int]:
    """Cut the outer taps of convolutions that meet nothing but padding, which has no part in any prediction.

    A kernel of 3 on an axis of one pixel is such a case: networks that halve an image of 8 pixels four times end there.
    """
    copied = copy.deepcopy(predictor).eval()
    sizes = _input_sizes(copied)
    dead = 0
    for layer, size in sizes.items():
        dead += _cut(layer, size)
    return copied, dead


def _input_sizes(predictor: Predictor) -> dict[Convolution, tuple[int, ...]]:
    """Return the axes (length,) or (height, width) that each convolution of a fixed number of places reads."""
    found: dict[Convolution, tuple[int, ...]] = {}

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if isinstance(layer, Convolution):
            found[layer] = tuple(given[0].shape[2:])

    layers = [layer for layer in predictor.members.modules() if isinstance(layer, Convolution)]
    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    inner = predictor.inner
    row = torch.zeros(1, *inner.shape, dtype=torch.int64 if inner.kind == "tokens" else torch.float32)
    with torch.no_grad():
        for member in predictor.members:
            member(row)
    for handle in handles:
        handle.remove()
    return found


def _cut(layer: Convolution, size: tuple[int, ...]) -> int:
    """Cut a layer's kernel where both ends are dead alike; returns the weights that are gone."""
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return 0
    before = layer.weight.numel()
    padding = list(layer.padding)
    for axis, places in enumerate(size):
        kernel, dilation, stride = layer.kernel_size[axis], layer.dilation[axis], layer.stride[axis]
        out = (places + 2 * padding[axis] - dilation * (kernel - 1) - 1) // stride + 1
        starts = range(-padding[axis], -padding[axis] + out * stride, stride)
        alive = [tap for tap in range(kernel) if any(0 <= start + tap * dilation < places for start in starts)]
        cut = min(alive[0], kernel - 1 - alive[-1], padding[axis] // dilation) if alive else 0
        if cut:
            layer.weight = nn.Parameter(layer.weight.detach().narrow(axis + 2, cut, kernel - 2 * cut).clone())
            padding[axis] -= cut * dilation
            layer.kernel_size = (*layer.kernel_size[:axis], kernel - 2 * cut, *layer.kernel_size[axis + 1 :])  # type: ignore[assignment]
    layer.padding = tuple(padding)  # type: ignore[assignment]
    layer._reversed_padding_repeated_twice = [p for p in reversed(padding) for _ in range(2)]
    return before - layer.weight.numel()
