"""Network of the family ``stack``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d, pad
from torch.utils.checkpoint import checkpoint

from scitrain.contracts.model import InputShape
from scitrain.models import _layers
from scitrain.models._encoder import Encoder
from scitrain.models._layers import Form, Layer, named, trace
from scitrain.models._rnn import reorder
from scitrain.models._transformer import Attention as SelfAttention

__all__ = ["StackEncoder"]

Seen = Tensor | None
"""bool (batch, length): the place is no padding; None where nothing is padded, or there are no places."""
FUNCTIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "elu": nn.ELU, "leaky_relu": nn.LeakyReLU, "mish": nn.Mish,
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softplus": nn.Softplus,
}  # fmt: skip


class StackEncoder(Encoder):
    """The declared layers one after the other.

    States of places are (batch, channels, length); beside them goes which places are no padding. Each layer that looks
    beyond one place leaves padding out, so that a row gives the same features in any batch, and cut to its own length.
    """

    def __init__(self, layers: Sequence[Layer], form: Form, shape: InputShape) -> None:
        super().__init__()
        self.tokens = shape.kind == "tokens"
        self.there = shape.blocks["there"][0] if shape.kind == "series" and "there" in shape.blocks else -1
        self.layers = made(layers, form, shape.vocabulary or 2)
        self.width = cast("int", trace(layers, form)[-1].width)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (batch, …) to (batch, width)."""
        seen = self._seen(rows)
        for layer in self.layers:
            if self.training and self.gradient_checkpointing:
                rows, seen = checkpoint(layer, rows, seen, use_reentrant=False)
            else:
                rows, seen = layer(rows, seen)
        return rows

    def _seen(self, rows: Tensor) -> Seen:
        """Tell padding from the rest; a row with nothing in it counts as one place, for a softmax over nothing is no number."""
        if not self.tokens and self.there < 0:
            return None
        seen = rows != 0 if self.tokens else rows[:, self.there] > 0
        first = torch.arange(seen.shape[1], device=rows.device).unsqueeze(0) == 0
        return seen | first


def made(layers: Sequence[Layer], form: Form, vocabulary: int) -> nn.ModuleList:
    """Return the modules of layers that fit, each (rows, seen) → (rows, seen)."""
    modules = nn.ModuleList()
    for layer, after in zip(layers, trace(layers, form), strict=True):
        module = _made(layer, form, vocabulary)
        module.kind = named(layer)  # type: ignore[assignment]  # told in the summary of the network
        modules.append(module)
        form = after
    return modules


class Pointwise(nn.Module):
    """A module that looks at each place alone; ``last`` where it wants the channels behind."""

    def __init__(self, inner: nn.Module, last: bool = False) -> None:
        super().__init__()
        self.inner, self.last = inner, last

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, …) to (batch, new channels, …)."""
        out: Tensor = self.inner(rows.transpose(1, 2)).transpose(1, 2) if self.last else self.inner(rows)
        return out, seen


class Convolved(nn.Module):
    """A convolution that finds zeros in place of padding."""

    def __init__(self, layer: "_layers.Convolution", channels: int, kind: type[nn.Conv1d | nn.Conv2d]) -> None:
        super().__init__()
        self.stride = layer.stride
        reach = layer.dilation * (layer.kernel // 2)
        self.convolution = kind(channels, layer.width, layer.kernel, layer.stride, reach, layer.dilation)

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, …) to (batch, width, …), each axis divided by the stride and rounded up."""
        return self.convolution(_without_padding(rows, seen)), None if seen is None else seen[:, :: self.stride]


class Pooled(nn.Module):
    """Maximum or mean of the neighbours that are no padding and lie inside."""

    def __init__(self, of: str, size: int, axes: int) -> None:
        super().__init__()
        self.of, self.size, self.axes = of, size, axes
        self.most: Callable[..., Tensor] = max_pool1d if axes == 1 else max_pool2d
        self.average: Callable[..., Tensor] = avg_pool1d if axes == 1 else avg_pool2d

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, …) to the same with each axis divided by the size and rounded up."""
        fill = [part for axis in range(self.axes) for part in (0, -rows.shape[-1 - axis] % self.size)]
        real = torch.ones_like(rows[:1, :1]) if seen is None else seen.unsqueeze(1).to(rows.dtype)
        real = pad(real, fill)
        left = None if seen is None else seen[:, :: self.size]
        if self.of == "mean":
            sums = self.average(pad(_without_padding(rows, seen), fill), self.size)
            return sums / self.average(real, self.size).clamp(min=1e-6), left
        # far below any activation, yet finite in half precision
        lowest = torch.where(real > 0, pad(rows, fill), torch.full_like(real, -6e4))
        return _without_padding(self.most(lowest, self.size), left), left


class Embedded(nn.Module):
    """A learned vector for each token id; 0 is padding."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map token ids (batch, length) to (batch, width, length)."""
        return self.embedding(rows).transpose(1, 2), seen


class Placed(nn.Module):
    """Adds a learned vector to each place."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(channels, length).normal_(std=0.02))

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, length) to the same."""
        return rows + self.places[:, : rows.shape[2]], seen


class Recurrent(nn.Module):
    """A recurrent layer in each direction; the right-to-left one reads each row reversed within its own length."""

    def __init__(self, layer: "_layers.Rnn", channels: int) -> None:
        super().__init__()
        make = nn.LSTM if layer.cell == "lstm" else nn.GRU
        self.last = layer.last
        self.rightward = make(channels, layer.width, batch_first=True)
        self.leftward = make(channels, layer.width, batch_first=True)

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, length) to (batch, 2 · width, length), or to (batch, 2 · width)."""
        states = rows.transpose(1, 2)
        count = torch.full_like(states[:, :1, 0], states.shape[1]) if seen is None else seen.sum(1, keepdim=True)
        lengths = count.to(torch.int64)
        places = torch.arange(states.shape[1], device=rows.device).unsqueeze(0)
        mirror = torch.where(places < lengths, lengths - 1 - places, places).unsqueeze(2)
        forth: Tensor = self.rightward(states)[0]
        back = reorder(self.leftward(reorder(states, mirror))[0], mirror)
        if self.last:
            return torch.cat((reorder(forth, (lengths - 1).unsqueeze(2))[:, 0], back[:, 0]), dim=1), None
        return torch.cat((forth, back), dim=2).transpose(1, 2), seen


class Attending(nn.Module):
    """Self-attention between the places that are no padding."""

    def __init__(self, layer: "_layers.Attention", channels: int) -> None:
        super().__init__()
        self.attention = SelfAttention(channels, layer.heads, layer.dropout)

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, length) to the same."""
        mask = None if seen is None else seen[:, None, None, :]
        return self.attention(rows.transpose(1, 2), mask).transpose(1, 2), seen


class Gathering(nn.Module):
    """Places or an image to a vector, without padding."""

    def __init__(self, how: str, numbers: int) -> None:
        super().__init__()
        self.how, self.numbers = how, numbers

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map (batch, channels, …) to (batch, width)."""
        known = _without_padding(rows, seen)
        if self.how == "flatten":
            # a batch that is cut to its longest row is filled up again, for the next layer counts on every place
            length = self.numbers // rows.shape[1]
            return (pad(known, (0, length - rows.shape[2])) if seen is not None else known).flatten(1), None
        if self.how == "mean":
            if seen is None:
                return known.flatten(2).mean(2), None
            return known.sum(2) / seen.sum(1, keepdim=True).to(rows.dtype), None
        if seen is not None:
            known = torch.where(seen.unsqueeze(1), rows, torch.full_like(rows, -6e4))
        return known.flatten(2).amax(2), None


class Added(nn.Module):
    """x + f(x)."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, rows: Tensor, seen: Seen) -> tuple[Tensor, Seen]:
        """Map rows to rows of the same shape."""
        states, left = rows, seen
        for layer in self.layers:
            states, left = layer(states, left)
        return rows + states, seen


def _without_padding(rows: Tensor, seen: Seen) -> Tensor:
    return rows if seen is None else rows * seen.unsqueeze(1).to(rows.dtype)


def _made(layer: Layer, form: Form, vocabulary: int) -> nn.Module:
    """Return the module of one layer that fits ``form``, all of whose sizes are known."""
    if isinstance(layer, _layers.Residual):
        return Added(made(layer.layers, form, vocabulary))
    if isinstance(layer, _layers.Embedding):
        return Embedded(vocabulary, layer.width)
    return MAKERS[named(layer)](layer, form)


def _linear(layer: "_layers.Linear", form: Form) -> nn.Module:
    return Pointwise(nn.Linear(cast("int", form.width), layer.width), last=form.kind == "places")


def _norm(layer: "_layers.Norm", form: Form) -> nn.Module:
    width = cast("int", form.width)
    if layer.of == "batch":
        return Pointwise(nn.BatchNorm2d(width) if form.kind == "image" else nn.BatchNorm1d(width))
    if form.kind == "image":
        return Pointwise(nn.GroupNorm(1, width))
    return Pointwise(nn.LayerNorm(width), last=form.kind == "places")


def _gathering(layer: Layer, form: Form) -> nn.Module:
    return Gathering(named(layer), cast("int", form.numbers))


MAKERS: Mapping[str, Callable[[Any, Any], nn.Module]] = {
    "linear": _linear,
    "norm": _norm,
    "activation": lambda layer, form: Pointwise(FUNCTIONS[layer.name]()),
    "dropout": lambda layer, form: Pointwise(nn.Dropout(layer.share)),
    "conv1d": lambda layer, form: Convolved(layer, form.width, nn.Conv1d),
    "conv2d": lambda layer, form: Convolved(layer, form.width, nn.Conv2d),
    "pool": lambda layer, form: Pooled(layer.of, layer.size, len(form.shape) - 1),
    "position": lambda layer, form: Placed(*form.shape),
    "rnn": lambda layer, form: Recurrent(layer, form.width),
    "attention": lambda layer, form: Attending(layer, form.width),
    "flatten": _gathering,
    "mean": _gathering,
    "max": _gathering,
}
