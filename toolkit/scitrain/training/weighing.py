"""How much each of several targets counts in the loss: alike, as asked, or as is learned.

Learned weights (Kendall, Gal & Cipolla 2018, doi:10.1109/CVPR.2018.00781) are a log variance a target and network, which the network says
behind its outputs while it is trained, and which leave it then.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from scitrain.data.slots import Slot
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.training.losses import Loss
from scitrain.training.predictor import Member, Predictor

__all__ = ["learn_weights", "share_out", "take_weights"]


def share_out(loss: Loss, asked: str | Mapping[str, float], slots: Sequence[Slot], device: str) -> None:
    """Let ``loss`` weigh whole targets as ``task_weights`` asks.

    Raises:
        UnknownNameError: A weight is given for a name that is no target.
        ScitrainError: There is but one target.
    """
    if asked == "equal":
        return
    names = [slot.name for slot in slots]
    if len(names) < 2:
        raise ScitrainError(
            f"task_weights={asked!r} weighs several targets against each other, and here is one; leave it out"
        )
    loss.masked = True
    if isinstance(asked, str):
        squared = [slot.task == "regression" and loss.squares for slot in slots]
        loss.halves = torch.tensor([0.5 if one else 1.0 for one in squared], device=device)
        return
    if unknown := [name for name in asked if name not in names]:
        raise UnknownNameError("target", unknown[0], names)
    loss.shares = torch.tensor([float(asked.get(name, 1.0)) for name in names], device=device)


def learn_weights(predictor: Predictor, targets: int) -> None:
    """Give each member what it weighs its targets by: log variances, zero at first."""
    for member in _members(predictor):
        member.doubt = nn.Parameter(torch.zeros(targets))


def take_weights(predictor: Predictor, slots: Sequence[Slot]) -> dict[str, float]:
    """Take it out of the trained members, and return the weight of each target, of which the mean is 1; none where none were learned."""
    found = []
    for member in _members(predictor):
        if member.doubt is not None:
            found.append(torch.exp(-member.doubt.detach().float().cpu()))
            member.doubt = None
    if not found:
        return {}
    weights = torch.stack(found).mean(dim=0)
    return {slot.name: round(float(w), 4) for slot, w in zip(slots, weights / weights.mean(), strict=True)}


def _members(predictor: Predictor) -> list[Member]:
    return list(predictor.members)  # type: ignore[arg-type]  # members of a Predictor
