"""Take the least important units out of a network, so that its layers are smaller and not only emptier."""

import torch
from torch import Tensor, nn

from scitrain.compressing.groups import Group, Place, narrowed
from scitrain.contracts.model import ModelSpec
from scitrain.errors import ScitrainError
from scitrain.training.predictor import Predictor, build_predictor

__all__ = ["narrow"]

STANDSTILL = 0.9
"""Share of the weights from which on it is no mistake that no unit goes: a layer loses whole units or none."""


def narrow(predictor: Predictor, model: ModelSpec, share: float) -> tuple[Predictor, ModelSpec]:
    """Return a predictor whose layers keep about ``share`` of the weights, and the model spec that builds it.

    Each member loses its own least important units: the sum over all tensors that a unit lies in of its share of their squares (Fang et
    al. 2023, DepGraph, arXiv:2301.12900). Input transform, target scale and temperature are taken over.

    Raises:
        ScitrainError: The family has no rule, or its layers are as narrow as they can be.
    """
    smaller, groups = narrowed(model, predictor.inner, share)
    if not groups and share < STANDSTILL:
        raise ScitrainError(
            "no layer can lose a unit: each is one unit wide, or keeps its width because something is added to it; "
            "ask for a larger sparsity, or prune single weights (structured=false)"
        )
    task = predictor.task
    made = build_predictor(task, smaller, predictor.inner, predictor.n_outputs, len(predictor.members), predictor.head)  # type: ignore[arg-type]
    made.inputs = predictor.inputs
    for name in ("shift", "scale", "temperature"):
        getattr(made, name).copy_(getattr(predictor, name))
    for wide, slim in zip(predictor.members, made.members, strict=True):
        slim.load_state_dict(_sliced(wide, groups))
    return made.eval(), smaller


def _sliced(member: nn.Module, groups: list[Group]) -> dict[str, Tensor]:
    """Return the tensors of a member without the units that go."""
    tensors = {name: tensor.detach() for name, tensor in member.state_dict().items()}
    stays: dict[tuple[str, int], Tensor] = {}
    for group in groups:
        places = [place for place in group.places if place.name in tensors]
        chosen = torch.zeros(group.size, dtype=torch.bool)
        chosen[_scores(tensors, group, places).argsort(descending=True, stable=True)[: group.keep]] = True
        for place in places:
            length = tensors[place.name].shape[place.axis]
            mask = stays.setdefault((place.name, place.axis), torch.ones(length, dtype=torch.bool))
            mask[_numbers(place, group.size)] = chosen.unsqueeze(1).expand(-1, place.inner).repeat(place.blocks, 1, 1)
    for (name, axis), mask in stays.items():
        tensors[name] = tensors[name].index_select(axis, mask.nonzero().flatten())
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _numbers(place: Place, size: int) -> Tensor:
    """Return where the units lie along the axis, (blocks, size, inner)."""
    blocks = torch.arange(place.blocks).view(-1, 1, 1) * place.stride
    return place.start + blocks + torch.arange(size).view(1, -1, 1) * place.inner + torch.arange(place.inner)


def _scores(tensors: dict[str, Tensor], group: Group, places: list[Place]) -> Tensor:
    """Return the importance of each unit, (size,)."""
    total = torch.zeros(group.size, dtype=torch.float64)
    for place in places:
        if not place.name.endswith("weight") and "weight_" not in place.name:
            continue  # biases and running statistics say where a unit rests, not how much it says
        squares = (
            tensors[place.name].double().square().movedim(place.axis, 0).flatten(1).sum(1)
            if tensors[place.name].ndim > 1
            else tensors[place.name].double().square()
        )
        units = squares[_numbers(place, group.size)].sum((0, 2))
        total += units / squares.sum().clamp(min=1e-300)
    return total
