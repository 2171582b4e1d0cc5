"""The layers of the family ``stack``: their options, what each takes, and the shape it gives; no torch is needed to check a stack."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.errors import listed
from scitrain.spec import Spec

__all__ = [
    "Activation",
    "AnyLayer",
    "Attention",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "Form",
    "Layer",
    "Linear",
    "Max",
    "Mean",
    "Norm",
    "Pool",
    "Position",
    "Residual",
    "Rnn",
    "named",
    "problems",
    "trace",
]

FormKind = Literal["vector", "ids", "places", "image"]
WORDS: dict[FormKind, str] = {
    "vector": "a vector",
    "ids": "token ids",
    "places": "places along one axis",
    "image": "an image",
}
MOST_WEIGHTS = 1_000_000_000
"""Of one layer: 4 GB of weights, as much again for their gradients and twice for AdamW."""


@dataclass(frozen=True)
class Form:
    """What flows from one layer to the next."""

    kind: FormKind
    shape: tuple[int | None, ...]
    """``vector`` (width,), ``ids`` (length,), ``places`` (channels, length), ``image`` (channels, height, width); None is not known yet."""

    def words(self) -> str:
        """Return it as a person says it."""
        sizes = ["?" if size is None else str(size) for size in self.shape]
        if self.kind in ("vector", "ids"):
            return f"a vector of {sizes[0]}" if self.kind == "vector" else f"{sizes[0]} token ids"
        unit = " places" if self.kind == "places" else " pixels"
        return f"{sizes[0]} channels × {' × '.join(sizes[1:])}{unit}"

    @property
    def width(self) -> int | None:
        """Numbers at each place: of a vector all, else the channels."""
        return self.shape[0]

    def wide(self, width: int) -> "Form":
        """Return the same with another width."""
        return Form(self.kind, (width, *self.shape[1:]))

    def shrunk(self, factor: int) -> "Form":
        """Return the same with every axis but the first divided, rounded up."""
        return Form(self.kind, (self.shape[0], *(None if s is None else ceil(s / factor) for s in self.shape[1:])))

    @property
    def numbers(self) -> int | None:
        """All numbers of a row."""
        known = [size for size in self.shape if size is not None]
        return prod(known) if len(known) == len(self.shape) else None


SAME: dict[FormKind, FormKind] = {"vector": "vector", "places": "places", "image": "image"}
ALONG: dict[FormKind, FormKind] = {"places": "places"}
GATHERED: dict[FormKind, FormKind] = {"places": "vector", "image": "vector"}


class Layer(Spec):
    """One layer of a stack. Defaults of the methods: any incoming form fits, and leaves as it came."""

    gives: ClassVar[dict[FormKind, FormKind]] = SAME
    """Form that leaves, by the form that comes in; others do not fit."""

    def after(self, form: Form) -> Form:
        """Return what leaves the layer."""
        return form

    def misfit(self, form: Form) -> str:
        """Say what does not fit although the kind of form does, and what would; empty where all fits."""
        return ""


class Linear(Layer):
    """Weights from all numbers of a vector, or of each place, to `width` new ones."""

    gives: ClassVar[dict[FormKind, FormKind]] = {"vector": "vector", "places": "places"}

    kind: Literal["linear"] = "linear"
    width: int = Field(ge=1, le=65_536)
    """Numbers that leave."""

    def after(self, form: Form) -> Form:
        """Return the form with the new width."""
        return form.wide(self.width)

    def misfit(self, form: Form) -> str:
        """Refuse weights that no memory holds."""
        weights = (form.width or 0) * self.width
        if weights <= MOST_WEIGHTS:
            return ""
        return f"would have {weights:,} weights (at most {MOST_WEIGHTS:,}); put pool, mean or max before it, or take a smaller width"


class Norm(Layer):
    """Normalisation over the width of each row and place (`layer`), or of each channel over the batch (`batch`)."""

    kind: Literal["norm"] = "norm"
    of: Literal["layer", "batch"] = "layer"
    """What is set to mean 0 and variance 1."""


class Activation(Layer):
    """A function of each number."""

    kind: Literal["activation"] = "activation"
    name: Literal["gelu", "relu", "silu", "elu", "leaky_relu", "mish", "tanh", "sigmoid", "softplus"] = "gelu"
    """The function."""


class Dropout(Layer):
    """Silences a share of the numbers in each training step."""

    kind: Literal["dropout"] = "dropout"
    share: float = Field(0.2, ge=0, lt=1)
    """Share that is silenced."""


class Convolution(Layer):
    """Weights over `kernel` neighbours, the edge filled with zeros: each `stride`-th place is kept."""

    width: int = Field(ge=1, le=8192)
    """Channels that leave."""
    kernel: int = Field(3, ge=1, le=255)
    """Neighbours, an odd number, along each axis."""
    stride: int = Field(1, ge=1, le=64)
    """Every how many places a result is kept."""
    dilation: int = Field(1, ge=1, le=1024)
    """Distance between the neighbours."""

    def after(self, form: Form) -> Form:
        """Return the form with the new channels and the kept places."""
        return form.shrunk(self.stride).wide(self.width)

    def misfit(self, form: Form) -> str:
        """Refuse a kernel without a middle."""
        if self.kernel % 2:
            return ""
        return f"has kernel={self.kernel}, which has no middle; take kernel={self.kernel - 1} or {self.kernel + 1}"


class Conv1d(Convolution):
    """Convolution along places."""

    gives: ClassVar[dict[FormKind, FormKind]] = ALONG

    kind: Literal["conv1d"] = "conv1d"


class Conv2d(Convolution):
    """Convolution over an image."""

    gives: ClassVar[dict[FormKind, FormKind]] = {"image": "image"}

    kind: Literal["conv2d"] = "conv2d"


class Pool(Layer):
    """Maximum or mean over each `size` neighbours along each axis; a rest at the end counts as a whole."""

    gives: ClassVar[dict[FormKind, FormKind]] = {"places": "places", "image": "image"}

    kind: Literal["pool"] = "pool"
    of: Literal["max", "mean"] = "max"
    """What is kept of the neighbours."""
    size: int = Field(2, ge=2, le=1024)
    """Neighbours along each axis."""

    def after(self, form: Form) -> Form:
        """Return the form with fewer places."""
        return form.shrunk(self.size)


class Embedding(Layer):
    """A learned vector for each token id; padding is zero."""

    gives: ClassVar[dict[FormKind, FormKind]] = {"ids": "places"}

    kind: Literal["embedding"] = "embedding"
    width: int = Field(64, ge=1, le=8192)
    """Numbers a token is turned into."""

    def after(self, form: Form) -> Form:
        """Return a place for each token."""
        return Form("places", (self.width, form.shape[0]))


class Position(Layer):
    """Adds a learned vector to each place, without which attention does not know the order."""

    gives: ClassVar[dict[FormKind, FormKind]] = ALONG

    kind: Literal["position"] = "position"


class Rnn(Layer):
    """Recurrent layer in both directions; gives 2 × `width` numbers at each place, or with `last` its two last states."""

    gives: ClassVar[dict[FormKind, FormKind]] = ALONG

    kind: Literal["rnn"] = "rnn"
    cell: Literal["lstm", "gru"] = "gru"
    """Kind of cell."""
    width: int = Field(64, ge=1, le=8192)
    """Units in each direction."""
    last: bool = False
    """Give a vector of the last states instead of the states at each place."""

    def after(self, form: Form) -> Form:
        """Return the states."""
        return Form("vector", (2 * self.width,)) if self.last else form.wide(2 * self.width)


class Attention(Layer):
    """Self-attention between the places, softmax(Q Kᵀ / √d) V; padding is seen by none."""

    gives: ClassVar[dict[FormKind, FormKind]] = ALONG

    kind: Literal["attention"] = "attention"
    heads: int = Field(4, ge=1, le=256)
    """Heads, which share the channels equally."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the attention weights silenced in each training step."""

    def misfit(self, form: Form) -> str:
        """Refuse channels that the heads cannot share."""
        if form.width is None or form.width % self.heads == 0:
            return ""
        fitting = [str(heads) for heads in range(1, form.width + 1) if form.width % heads == 0][:8]
        wider = ceil(form.width / self.heads) * self.heads
        return (
            f"has heads={self.heads}, which cannot share {form.width} channels equally; take heads={' or '.join(fitting)}, "
            f"or put {{'kind': 'linear', 'width': {wider}}} before it"
        )


class Gathered(Layer):
    """Places or an image to a vector."""

    gives: ClassVar[dict[FormKind, FormKind]] = GATHERED

    def after(self, form: Form) -> Form:
        """Return a number a channel."""
        return Form("vector", (form.width,))


class Flatten(Gathered):
    """All numbers of places or of an image as one vector: where something lies then matters."""

    kind: Literal["flatten"] = "flatten"

    def after(self, form: Form) -> Form:
        """Return all numbers."""
        return Form("vector", (form.numbers,))


class Mean(Gathered):
    """Mean over all places that are no padding, or over an image."""

    kind: Literal["mean"] = "mean"


class Max(Gathered):
    """Maximum over all places that are no padding, or over an image."""

    kind: Literal["max"] = "max"


class Residual(Layer):
    """Adds what comes in to what its own layers make of it (He et al. 2015, arXiv:1512.03385)."""

    kind: Literal["residual"] = "residual"
    layers: list["AnyLayer"] = Field(min_length=1, max_length=64)
    """Layers inside; they must give the shape that comes in."""

    def misfit(self, form: Form) -> str:
        """Refuse inner layers that change the shape; what does not fit among themselves is told by `problems`."""
        inner = trace(self.layers, form)
        if len(inner) < len(self.layers) or _agree(inner[-1], form):
            return ""
        return (
            f"adds {inner[-1].words()} to what comes in; let its last layer that changes the shape give {form.words()}"
        )


AnyLayer = Annotated[
    Linear
    | Norm
    | Activation
    | Dropout
    | Conv1d
    | Conv2d
    | Pool
    | Embedding
    | Position
    | Rnn
    | Attention
    | Flatten
    | Mean
    | Max
    | Residual,
    Field(discriminator="kind"),
]
Residual.model_rebuild()
LAYERS: tuple[type[Layer], ...] = (
    Linear, Norm, Activation, Dropout, Conv1d, Conv2d, Pool, Embedding, Position, Rnn, Attention, Flatten, Mean, Max, Residual,
)  # fmt: skip


def named(layer: Layer | type[Layer]) -> str:
    """Return the word a request uses for a layer."""
    cls = layer if isinstance(layer, type) else type(layer)
    return str(cls.model_fields["kind"].default)


def trace(layers: Sequence[Layer], form: Form) -> list[Form]:
    """Return what leaves each layer, up to the first that cannot take what comes in."""
    found: list[Form] = []
    for layer in layers:
        if form.kind not in layer.gives:
            break
        form = layer.after(form)
        found.append(form)
    return found


def problems(layers: Sequence[Layer], form: Form, path: str = "layers") -> Iterator[str]:
    """Yield a sentence for each layer that does not fit: which, what comes in, and what would fit.

    Behind a layer that cannot take the form at all nothing is known, so that it ends the search.
    """
    for number, layer in enumerate(layers):
        where = f"{path}[{number}] ({named(layer)})"
        if form.kind not in layer.gives:
            yield _wrong_kind(where, layer, form)
            return
        if isinstance(layer, Residual):
            yield from problems(layer.layers, form, f"{path}[{number}].layers")
        if said := layer.misfit(form):
            yield f"{where}, given {form.words()}, {said}"
        form = form if isinstance(layer, Residual) else layer.after(form)


def _wrong_kind(where: str, layer: Layer, form: Form) -> str:
    takes = " or ".join(WORDS[kind] for kind in layer.gives)
    bridges = [
        named(cls)
        for cls in LAYERS
        if form.kind in cls.gives and cls.gives[form.kind] in set(layer.gives) - {form.kind}
    ]
    fitting = [named(cls) for cls in LAYERS if form.kind in cls.gives]
    before = f"put {' or '.join(bridges)} before it, or " if bridges else ""
    return f"{where} takes {takes}, but is given {form.words()}; {before}take one of {listed(fitting, 20)} in its place"


def _agree(one: Form, other: Form) -> bool:
    """Tell whether two forms are the same as far as they are known."""
    return one.kind == other.kind and all(None in (a, b) or a == b for a, b in zip(one.shape, other.shape, strict=True))
