"""The blocks of an encoder, from the input up: what is frozen, thawed or slowed together."""

from collections.abc import Iterator

from torch import nn

__all__ = ["blocks_of"]

LISTS = (nn.ModuleList, nn.Sequential)


def blocks_of(encoder: nn.Module) -> list[list[str]]:
    """Return the names of the weights of each block, the lowest first.

    A block is what stands in the network's lists of layers (a Transformer's layer, a stage of a convolutional network);
    what stands alone, such as embeddings, is one too. What has no matrix of its own, such as a norm, goes with the block
    before it.
    """
    owned = dict(_units(encoder, ""))
    while len(owned) == 1 and any(True for _ in next(iter(owned.values())).children()):
        [(unit, module)] = owned.items()
        owned = {f"{unit}.{name}": child for name, child in module.named_children()}
    found: list[list[str]] = [[] for _ in owned]
    loose: list[str] = []
    for name, _ in encoder.named_parameters():
        at = next((i for i, unit in enumerate(owned) if name.startswith(f"{unit}.")), None)
        (loose if at is None else found[at]).append(name)
    shapes = {name: weight.ndim for name, weight in encoder.named_parameters()}
    merged: list[list[str]] = [[]]
    for names in found:
        if any(shapes[name] >= 2 for name in names) and any(shapes[name] >= 2 for name in merged[-1]):
            merged.append([])
        merged[-1].extend(names)
    merged[0] = [*loose, *merged[0]]  # places and class tokens belong to what the rows meet first
    return merged


def _units(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that are not opened further."""
    for own, child in module.named_children():
        where = f"{name}.{own}" if name else own
        inside = isinstance(module, LISTS)
        opened = isinstance(child, LISTS) or (not inside and any(isinstance(one, LISTS) for one in child.modules()))
        if opened:
            yield from _units(child, where)
        else:
            yield where, child
