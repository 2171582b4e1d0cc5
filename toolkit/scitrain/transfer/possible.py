"""Which strategies a network can be trained by: told of all that are asked for, before anything is trained."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import torch

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.errors import ScitrainError, listed
from scitrain.transfer.arms import Study, beginning_of
from scitrain.transfer.beginning import bare
from scitrain.transfer.options import Arm
from scitrain.transfer.recipe import network_for, why_not

__all__ = ["refuse_impossible", "refuse_unbuildable"]

ARMS: tuple[Arm, ...] = get_args(Arm)
ADDING: tuple[Arm, ...] = ("lora", "adapter", "prompt", "prefix", "fixed_prompt", "fixed_prefix")
"""Strategies that add to a network, which not every network takes."""


def refuse_impossible(arms: Sequence[Arm], model: ModelSpec) -> None:
    """Refuse strategies that cannot be put into networks of the family that the weights are of.

    Raises:
        ScitrainError: Names each of them, and those that are possible.
    """
    reasons = {arm: told for arm in ARMS if (told := why_not(arm, model)) is not None}
    _refuse(arms, reasons)


def refuse_unbuildable(study: Study, inner: InputShape) -> None:
    """Build the network of each strategy that adds to it, untrained, and refuse those that cannot be built.

    Raises:
        ScitrainError: Names each of them, and those that are possible.
    """
    asked = study.asked.arms()
    if _unbuildable(study, inner, [arm for arm in asked if arm in ADDING]):
        _refuse(asked, _unbuildable(study, inner, ADDING))


def _unbuildable(study: Study, inner: InputShape, arms: Iterable[Arm]) -> dict[Arm, str]:
    """Return why, by strategy."""
    learning = study.learning
    model = (
        bare(learning.model) if study.weights is None else learning.model
    )  # what weights are there makes no difference
    found: dict[Arm, str] = {}
    for arm in arms:
        try:
            with torch.random.fork_rng(devices=[]):  # the numbers of what is trained later stay what they are
                beginning = beginning_of(study, arm, study.given, 1)
                beginning.member(network_for(arm, study.asked, model), inner, learning.n_outputs, 0)
        except ScitrainError as error:
            found[arm] = str(error)
    return found


def _refuse(asked: Sequence[Arm], reasons: Mapping[Arm, str]) -> None:
    impossible = [arm for arm in asked if arm in reasons]
    if not impossible:
        return
    by_reason = {told: [arm for arm in impossible if reasons[arm] == told] for told in map(reasons.get, impossible)}
    told = "; ".join(f"{listed(arms)}: {reason}" for reason, arms in by_reason.items())
    possible = [arm for arm in ARMS if arm not in reasons]
    raise ScitrainError(
        f"of the strategies asked for, these weights cannot take {listed(impossible)}; possible are {listed(possible)} ({told})"
    )
