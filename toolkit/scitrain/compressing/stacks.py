"""What goes together when a unit is taken out of a declared network, followed layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scitrain.compressing.groups import Group, Narrowed, kept, norm, recurrent
from scitrain.contracts.model import InputShape
from scitrain.models._layers import Form, Layer, Residual, named, trace
from scitrain.models.stack import OPEN

__all__ = ["stack"]


@dataclass(frozen=True)
class Segment:
    """Consecutive channels of what flows through a network: the units of one group, each ``inner`` numbers wide."""

    group: Group | None
    """None for what comes in, whose width is that of the data."""
    size: int
    inner: int = 1


Flow = list[Segment]


def stack(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401 - `Stack`
    """Return the narrower layers and the units of the wide ones."""
    walk = _Walk(share)
    form = Form(OPEN[inner.kind].kind, tuple(inner.shape))
    flow = walk.through(model.layers, form, [Segment(None, inner.shape[0])], "encoder.layers")
    walk.reads(flow, "head.weight")
    for group in walk.fixed:
        group.keep = group.size
    widths = {at: group.keep for at, group in walk.made.items()}
    layers = _rewidened(model.layers, widths, "encoder.layers")
    return model.model_copy(update={"layers": layers}), [g for g in walk.every if g.keep < g.size]


class _Walk:
    """Follows the channels, and writes down which tensors each layer's units lie in."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.every: list[Group] = []
        self.made: dict[str, Group] = {}
        """Layer to the group of its units."""
        self.fixed: list[Group] = []
        """Groups that keep their width: something is added to them, or heads share them."""

    def through(self, layers: Sequence[Layer], form: Form, flow: Flow, prefix: str) -> Flow:
        """Return what leaves ``layers``."""
        for at, (layer, after) in enumerate(zip(layers, trace(layers, form), strict=True)):
            flow = self._layer(layer, form, flow, f"{prefix}.{at}")
            form = after
        return flow

    def reads(self, flow: Flow, *names: str) -> None:
        """Note that the tensors read what flows, along their second axis."""
        self._along(flow, 1, names)

    def _along(self, flow: Flow, axis: int, names: Sequence[str]) -> None:
        start = 0
        for segment in flow:
            if segment.group is not None:
                segment.group.add(axis, *names, start=start, inner=segment.inner)
            start += segment.size * segment.inner

    def _layer(self, layer: Layer, form: Form, flow: Flow, at: str) -> Flow:
        kind = named(layer)
        if isinstance(layer, Residual):
            return self._fix([*self.through(layer.layers, form, flow, f"{at}.layers"), *flow])[-len(flow) :]
        if kind in ("linear", "conv1d", "conv2d", "embedding"):
            return self._weighted(layer, kind, flow, at)
        if kind == "rnn":
            return self._recurrent(layer, flow, at)
        if kind == "flatten":
            places = (form.numbers or 1) // (form.width or 1)
            return [replace(segment, inner=segment.inner * places) for segment in flow]
        if kind in ("norm", "position"):
            self._along(flow, 0, norm(f"{at}.inner") if kind == "norm" else [f"{at}.places"])
        return self._fix(flow) if kind == "attention" else flow

    def _fix(self, flow: Flow) -> Flow:
        self.fixed += [segment.group for segment in flow if segment.group is not None]
        return flow

    def _new(self, size: int, at: str) -> Group:
        group = Group(size, kept(size, self.share))
        self.every.append(group)
        self.made[at] = group
        return group

    def _weighted(self, layer: Any, kind: str, flow: Flow, at: str) -> Flow:  # noqa: ANN401 - a layer with a width
        group = self._new(layer.width, at)
        if kind == "embedding":
            group.add(1, f"{at}.embedding.weight")
        else:
            name = f"{at}.inner" if kind == "linear" else f"{at}.convolution"
            self.reads(flow, f"{name}.weight")
            group.add(0, f"{name}.weight", f"{name}.bias")
        return [Segment(group, layer.width)]

    def _recurrent(self, layer: Any, flow: Flow, at: str) -> Flow:  # noqa: ANN401
        gates = 4 if layer.cell == "lstm" else 3
        made = []
        for way in ("rightward", "leftward"):
            self.reads(flow, f"{at}.{way}.weight_ih_l0")
            group = recurrent(f"{at}.{way}", layer.width, kept(layer.width, self.share), gates)
            self.every.append(group)
            made.append(Segment(group, layer.width))
        self.made[at] = made[0].group or Group(layer.width, layer.width)
        return made


def _rewidened(layers: Sequence[Layer], widths: dict[str, int], prefix: str) -> list[Layer]:
    found: list[Layer] = []
    for i, layer in enumerate(layers):
        at = f"{prefix}.{i}"
        if isinstance(layer, Residual):
            found.append(layer.model_copy(update={"layers": _rewidened(layer.layers, widths, f"{at}.layers")}))
        else:
            found.append(layer.model_copy(update={"width": widths[at]}) if at in widths else layer)
    return found
