"""What goes together when a unit is taken out of a network, by family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import Any

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.errors import ScitrainError

__all__ = ["Group", "Place", "kept", "narrowed", "rules"]

STEP = 8
"""Widths are rounded to a multiple of it, in which processors compute …"""
WIDE = 64
"""… from this width on: below, rounding would change too much."""
NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Place:
    """Where the units of a group lie in a tensor: unit u of block b at start + b · stride + u · inner + (0 … inner − 1)."""

    name: str
    """Of the tensor, within a member."""
    axis: int
    start: int = 0
    inner: int = 1
    blocks: int = 1
    stride: int = 0


@dataclass
class Group:
    """Units that stay or go, and all that belongs to them."""

    size: int
    keep: int
    places: list[Place] = field(default_factory=list)

    def add(self, axis: int, *names: str, **where: int) -> "Group":
        """Add the same place in several tensors."""
        self.places += [Place(name, axis, **where) for name in names]
        return self


def kept(size: int, share: float) -> int:
    """Return the units that stay of ``size``, where ``share`` of the weights shall: weights lie between two layers, hence the root."""
    wanted = size * sqrt(share)
    return max(1, min(size, round(wanted / STEP) * STEP if size >= WIDE else round(wanted)))


def norm(prefix: str) -> list[str]:
    """Return the names of a normalisation's tensors; those that a kind of norm lacks are passed over later."""
    return [f"{prefix}.{name}" for name in NORM]


Narrowed = tuple[ModelSpec, list[Group]]
Rule = Callable[[Any, InputShape, float], Narrowed]


def narrowed(model: ModelSpec, inner: InputShape, share: float) -> Narrowed:
    """Return the same family with narrower layers, which keep about ``share`` of the weights, and what its units are in the wide one.

    Raises:
        ScitrainError: There is no rule for the family.
    """
    from scitrain.compressing.methods import family_of

    family, known = family_of(model), rules()
    if family not in known:
        raise ScitrainError(
            f"structured pruning has no rule for family {family!r}, whose layers depend on one another in ways of its own; families "
            f"that it makes narrower: {', '.join(sorted(known))}. Prune single weights (structured=false), or take int8_static"
        )
    return known[family](model, inner, share)


def rules() -> dict[str, Rule]:
    """Return the rule of each family that has one."""
    from scitrain.compressing.stacks import stack

    return {
        "mlp": _mlp, "cnn": _cnn, "resnet": _resnet, "rnn": _rnn, "cnn1d": _cnn1d, "transformer": _transformer, "stack": stack,
    }  # fmt: skip


def _mlp(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401 - the family's own class
    sizes = [inner.shape[0], *model.widths]
    groups = _chain(sizes, share, tied=model.residual)
    for i in range(len(model.widths)):
        layer = f"encoder.layers.{i}"
        groups[i].add(0, f"{layer}.weight")
        groups[i + 1].add(1, f"{layer}.weight").add(0, f"{layer}.bias", *norm(f"{layer}.norm"))
    groups[-1].add(1, "head.weight")
    return model.model_copy(update={"widths": [group.keep for group in groups[1:]]}), _once(groups)


def _cnn(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401
    groups = _chain([inner.shape[0], *model.widths], share)
    for i in range(len(model.widths)):
        groups[i].add(1, f"encoder.stages.{i}.0.weight")
        groups[i + 1].add(0, f"encoder.stages.{i}.0.weight", *norm(f"encoder.stages.{i}.1"))
    groups[-1].add(1, "head.weight")
    return model.model_copy(update={"widths": [group.keep for group in groups[1:]]}), _once(groups)


def _resnet(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401
    del inner
    levels = [Group(size, kept(size, share)) for size in model.widths]
    every = list(levels)
    levels[0].add(0, "encoder.stages.0.0.weight", *norm("encoder.stages.0.1"))
    before = levels[0]
    for at, (level, count) in enumerate(zip(levels, model.blocks, strict=True), start=1):
        for b in range(count):
            block = f"encoder.stages.{at}.{b}"
            middle = Group(level.size, level.keep).add(0, f"{block}.body.0.weight", *norm(f"{block}.body.1"))
            every.append(middle.add(1, f"{block}.body.3.weight"))
            before.add(1, f"{block}.body.0.weight", f"{block}.shortcut.0.weight")
            level.add(0, f"{block}.body.3.weight", *norm(f"{block}.body.4"), f"{block}.shortcut.0.weight")
            level.add(0, *norm(f"{block}.shortcut.1"))
            before = level
    before.add(1, "head.weight")
    return model.model_copy(update={"widths": [level.keep for level in levels]}), every


def recurrent(prefix: str, size: int, keep: int, gates: int) -> Group:
    """Return the units of one direction of a recurrent layer."""
    group = Group(size, keep).add(1, f"{prefix}.weight_hh_l0")
    names = [f"{prefix}.{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    return group.add(0, *names, blocks=gates, stride=size)


def _rnn(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401
    del inner
    hidden, keep = model.hidden, kept(model.hidden, share)
    every: list[Group] = []
    for layer in range(model.layers):
        for side, way in enumerate(("rightward", "leftward")):
            group = recurrent(f"encoder.{way}.{layer}", hidden, keep, 4 if model.cell == "lstm" else 3)
            if layer + 1 < model.layers:
                following = [f"encoder.{other}.{layer + 1}.weight_ih_l0" for other in ("rightward", "leftward")]
                group.add(1, *following, start=side * hidden)
            else:
                group.add(1, "head.weight", start=side * hidden)
            every.append(group)
    return model.model_copy(update={"hidden": keep}), every


def _cnn1d(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401
    tokens = inner.kind == "tokens"
    groups = _chain([model.embedding if tokens else inner.shape[0], *model.widths], share, tied=tokens, free=tokens)
    for i in range(len(model.widths)):
        block = f"encoder.blocks.{i}" if tokens else f"encoder.stages.{i}.0"
        groups[i].add(1, f"{block}.convolution.weight")
        groups[i + 1].add(0, f"{block}.convolution.weight", *norm(f"{block}.norm"))
    last = groups[-1]
    changed: dict[str, object] = {"widths": [group.keep for group in groups[1:]]}
    if tokens:
        groups[0].add(1, "encoder.embedding.weight")
        last.add(1, "head.weight", blocks=2, stride=last.size)
        return model.model_copy(update=changed | {"embedding": groups[0].keep}), _once(groups)
    left = inner.shape[1]
    for _ in model.widths:
        left = -(-left // 2)
    last.add(1, "encoder.gather.1.weight", inner=left)
    gathered = Group(2 * last.size, 2 * last.keep).add(0, "encoder.gather.1.weight", "encoder.gather.1.bias")
    return model.model_copy(update=changed), [*_once(groups), gathered.add(1, "head.weight")]


def _transformer(model: Any, inner: InputShape, share: float) -> Narrowed:  # noqa: ANN401
    width, of_head = model.width, model.width // model.heads
    head_keep = max(1, round(of_head * sqrt(share)))
    stream = Group(width, head_keep * model.heads).add(1, "encoder.trunk.places", "head.weight")
    stream.add(0, *norm("encoder.trunk.norm"))
    stream.add(1, "encoder.embedding.weight") if inner.kind == "tokens" else stream.add(
        0, "encoder.embed.weight", "encoder.embed.bias"
    )
    every = [stream]
    for at in range(model.depth):
        layer = f"encoder.trunk.layers.{at}"
        attention, mix = f"{layer}.attention", f"{layer}.mix"
        stream.add(
            0, *norm(f"{layer}.norms.0"), *norm(f"{layer}.norms.1"), f"{attention}.out.weight", f"{attention}.out.bias"
        )
        stream.add(0, f"{mix}.2.weight", f"{mix}.2.bias").add(1, f"{attention}.project.weight", f"{mix}.0.weight")
        hidden = Group(4 * width, 4 * stream.keep).add(0, f"{mix}.0.weight", f"{mix}.0.bias").add(1, f"{mix}.2.weight")
        every.append(hidden)
        for head in range(model.heads):
            part = Group(of_head, head_keep).add(1, f"{attention}.out.weight", start=head * of_head)
            where = {"start": head * of_head, "blocks": 3, "stride": width}
            every.append(part.add(0, f"{attention}.project.weight", f"{attention}.project.bias", **where))
    return model.model_copy(update={"width": stream.keep}), every


def _chain(sizes: Sequence[int], share: float, tied: bool = False, free: bool = False) -> list[Group]:
    """Return a group for what comes in (which stays whole unless ``free``) and for each layer.

    Where layers of equal width add what comes in to what goes out (``tied``), their units are the same ones.
    """
    groups = [Group(sizes[0], kept(sizes[0], share) if free else sizes[0])]
    for before, size in pairwise(sizes):
        same = tied and before == size
        groups.append(groups[-1] if same else Group(size, kept(size, share)))
    for a, b in pairwise(groups):
        if tied and a is not b and a.keep == b.keep:  # what was not added before must not be added now
            b.keep += 1 if b.keep < b.size else -1
    return groups


def _once(groups: Sequence[Group]) -> list[Group]:
    """Return each group that loses units once."""
    return list({id(group): group for group in groups if group.keep < group.size}.values())
