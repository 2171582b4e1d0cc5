"""SHAP values by DeepLIFT's rescale rule (DeepLiftShap), averaged over training rows.

doi:10.48550/arXiv.1704.02685, doi:10.48550/arXiv.1705.07874
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from captum.attr import DeepLiftShap
from captum.attr._core import deep_lift
from torch import Tensor, nn

from scitrain.errors import ScitrainError
from scitrain.explaining.part import Part
from scitrain.training.predictor import Predictor
from scitrain.training.vector_input import VectorInput

__all__ = ["MOST_ERROR", "Behind", "deep_lift_shap", "refuse_unfit"]

MOST_ERROR = 0.05
"""Relative error of the sums from which the values explain another function than the network."""
BACKGROUND = 64
"""Training rows that each row is compared with."""
CURVED = (nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.ReLU6, nn.SELU)
"""Activations that captum has no rule for; the rescale rule is the same for every function of one number."""
UNFIT = (nn.Embedding, nn.RNNBase, nn.MultiheadAttention, nn.LayerNorm, nn.GroupNorm)
INSTEAD = "method='shap' (expected gradients) explains it"


class Behind(nn.Module):
    """The explained function of what the members read, behind the input transform."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.explained = part.explained

    def forward(self, ready: Tensor) -> Tensor:
        """Map transformed rows (n, …) to (n, outputs)."""
        predictor = self.explained.predictor
        kept, predictor.inputs = predictor.inputs, nn.Identity()
        try:
            said: Tensor = self.explained(ready)
        finally:
            predictor.inputs = kept
        return said


def refuse_unfit(predictor: Predictor) -> None:
    """Refuse networks that the rescale rule does not describe.

    Raises:
        ScitrainError: Names the layer, and what explains such a network.
    """
    for module in predictor.members.modules():
        name = type(module).__name__
        if isinstance(module, UNFIT) or "attention" in name.lower():
            raise ScitrainError(f"deep_lift_shap has no rule for the layer {name} of this network; {INSTEAD}")


def deep_lift_shap(part: Part, background: Tensor) -> Tensor:
    """Return the values of each row (n, …), summed over what the input transform makes of a value."""
    refuse_unfit(part.explained.predictor)
    inputs = part.explained.predictor.inputs
    with torch.no_grad():
        holes = part.x.detach() if part.missing is None else part.x.detach().masked_fill(part.missing, torch.nan)
        ready, others = inputs(holes), inputs(background[:BACKGROUND])
    found = torch.zeros_like(part.x)
    made = DeepLiftShap(Behind(part))
    with _more_rules(part.explained.predictor), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting forward, backward hooks")
        warnings.filterwarnings("ignore", "Input Tensor")
        for at in range(len(ready)):  # by rows, so that all comparisons of one fit into memory
            own = others if part.missing is None else _alike(holes[at], background[:BACKGROUND], inputs)
            one = ready[at : at + 1].clone().requires_grad_()
            several = own if len(own) > 1 else own.expand(2, *own.shape[1:])  # captum takes one alone for a mistake
            values = made.attribute(one, several, target=int(part.outputs[at])).detach()
            found[at : at + 1] = inputs.gather(values, part.x.shape[1]) if isinstance(inputs, VectorInput) else values
    return found


def _alike(row: Tensor, background: Tensor, inputs: nn.Module) -> Tensor:
    """Return the background with the holes of a row, so that what is missing makes no difference."""
    ready: Tensor = inputs(background.masked_fill(torch.isnan(row)[None], torch.nan))
    return ready


@contextmanager
def _more_rules(predictor: Predictor) -> Iterator[None]:
    """Let captum rescale the activations that it does not list, and give each layer an input of its own.

    Of two layers with a rule, one right behind the other, captum's hook on what lies between gives the first the gradient as it is
    before the second's rule; the sums are then wrong.
    """
    table = deep_lift.SUPPORTED_NON_LINEAR
    new = [kind for kind in CURVED if kind not in table]
    table.update(dict.fromkeys(new, deep_lift.nonlinear))
    ruled = [module for module in predictor.members.modules() if type(module) in table]
    hooks = [module.register_forward_pre_hook(lambda _, given: (given[0].clone(),)) for module in ruled]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for kind in new:
            del table[kind]
