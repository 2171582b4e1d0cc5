"""Set the smallest weights to zero, and count the zeros that are there."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from scitrain.training.predictor import Predictor

__all__ = ["prune", "rounded", "schedule", "zeros"]

SPARED = ("places",)
"""Parameters of two axes that are no weights between units."""


def prunable(member: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the matrices and kernels of a member by name; embeddings look up a row and are no sums, so that they are left out."""
    for place, module in member.named_modules():
        if isinstance(module, nn.Embedding):
            continue
        for name, weight in module.named_parameters(recurse=False):
            if weight.ndim >= 2 and name not in SPARED:
                yield f"{place}.{name}" if place else name, weight


def schedule(sparsity: float, steps: int) -> list[float]:
    """Return the share of zeros after each step, much at first and little at last.

    s · (1 − (1 − k/n)³) after step k of n (Zhu & Gupta 2017, arXiv:1710.01878).
    """
    return [sparsity * (1 - (1 - (k + 1) / steps) ** 3) for k in range(steps)]


def prune(predictor: Predictor, sparsity: float) -> None:
    """Set the share ``sparsity`` of each member's weights to zero, in place.

    The score of a weight is w² / Σ u² over the weights u of its layer that are no smaller: it makes layers comparable, and empties none
    (LAMP, Lee et al. 2021, arXiv:2010.07611).
    """
    for member in predictor.members:
        named = dict(prunable(member))
        scores = [_lamp(weight.detach()) for weight in named.values()]
        every = torch.cat([score.flatten() for score in scores])
        count = round(sparsity * every.numel())
        if not count:
            continue
        # by place and not by threshold, so that equal scores do not take more than was asked for
        gone = torch.zeros_like(every, dtype=torch.bool)
        gone[torch.argsort(every, stable=True)[:count]] = True
        with torch.no_grad():
            for weight, part in zip(named.values(), torch.split(gone, [s.numel() for s in scores]), strict=True):
                weight[part.reshape(weight.shape)] = 0.0


def _lamp(weight: Tensor) -> Tensor:
    squares = weight.double().square().flatten()
    order = torch.argsort(squares, descending=True, stable=True)
    above = torch.empty_like(squares)
    above[order] = squares[order].cumsum(0)
    return (squares / above.clamp(min=1e-300)).reshape(weight.shape)


def zeros(predictor: Predictor) -> tuple[dict[str, float], float]:
    """Count zeros: their share by layer, of all members together, and of all parameters whatever their kind."""
    found: dict[str, list[int]] = {}
    for member in predictor.members:
        for name, weight in prunable(member):
            place = found.setdefault(name, [0, 0])
            place[0] += int((weight == 0).sum())
            place[1] += weight.numel()
    total = sum(parameter.numel() for parameter in predictor.members.parameters())
    every = sum(none for none, _ in found.values())
    return {name: none / size for name, (none, size) in found.items()}, every / max(1, total)


def rounded(predictor: Predictor, kind: str) -> None:
    """Round the members' parameters to half precision, in place, and let their files hold them so; sums stay in float32."""
    short = {"fp16": torch.float16, "bf16": torch.bfloat16}[kind]
    with torch.no_grad():
        for weight in predictor.members.parameters():
            weight.copy_(weight.to(short))
    predictor.stored = kind
