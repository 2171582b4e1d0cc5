"""The part of a predictor that says one of several targets."""

from torch import nn

from scitrain.data.slots import Slot
from scitrain.training.predictor import Member, Predictor

__all__ = ["predictor_of"]


def predictor_of(whole: Predictor, slot: Slot) -> Predictor:
    """Return a predictor of the target at ``slot`` of mixed targets, on the encoders of ``whole`` themselves."""
    at = slice(slot.start, slot.end)
    members = []
    for member in whole.members:
        own = Member(member.encoder, slot.end - slot.start)  # type: ignore[arg-type]  # of a Member
        head: nn.Linear = member.head  # type: ignore[assignment]
        own.head.weight.data, own.head.bias.data = head.weight.data[at].clone(), head.bias.data[at].clone()
        members.append(own)
    found = Predictor(slot.task, whole.inputs, members, slot.end - slot.start, whole.inner)
    found.shift.copy_(whole.shift[at])
    found.scale.copy_(whole.scale[at])
    found.temperature.copy_(whole.temperature[at][: len(found.temperature)])
    return found.to(whole.shift.device).eval()
