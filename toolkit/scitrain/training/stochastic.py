"""MC dropout: a trained network asked many times, its dropout on, for how far its answers lie apart."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from scitrain.errors import ScitrainError
from scitrain.training.feeding import mix
from scitrain.training.predictor import Predictor

__all__ = ["dropouts", "member_outputs", "stochastic_compute"]

BATCH = 1024
STREAM = 11
"""Keeps the seeds of masks apart from those of training."""


def dropouts(predictor: Predictor) -> list[nn.Module]:
    """Return the dropout layers that drop anything; dropout within attention and recurrent cells is none of them."""
    return [layer for layer in predictor.modules() if isinstance(layer, _DropoutNd) and layer.p > 0]


class Masks:
    """The masks of all passes: of a pass and layer one, shared by all rows.

    So a pass is one function drawn from the approximate posterior (Gal & Ghahramani 2016, arXiv:1506.02142), and what is said of
    a row depends neither on its neighbours nor on the size of a batch.
    """

    def __init__(self, predictor: Predictor, seed: int) -> None:
        self.predictor, self.seed, self.turn = predictor, seed, 0
        self._calls: Counter[int] = Counter()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Multiply what leaves the dropout layers by the masks of the pass ``turn``."""
        layers = [layer for layer in self.predictor.modules() if isinstance(layer, _DropoutNd)]
        hooks = [layer.register_forward_hook(self._hook(at)) for at, layer in enumerate(layers)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def take(self, turn: int) -> None:
        """Choose the pass."""
        self.turn = turn
        self._calls.clear()

    def _hook(self, at: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def masked(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            key = (self.turn, at, self._calls[at])  # a layer may be passed several times
            self._calls[at] += 1
            return output * self._draw(key, float(layer.p), output)  # type: ignore[arg-type]

        return masked

    def _draw(self, key: tuple[int, ...], share: float, output: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(mix(self.seed, STREAM, *key))
        kept = torch.rand((1, *output.shape[1:]), generator=generator) >= share
        return (kept.float() / (1 - share if share < 1 else 1)).to(output.device)


def stochastic_compute(
    predictor: Predictor, passes: int, seed: int, device: str = "cpu"
) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Return the mean over ``passes`` passes and all members as a function of a batch, with the outputs of `Predictor.forward`.

    The spread is that of all answers together; the representation is the network's own, without dropout.

    Raises:
        ScitrainError: The network has no dropout.
    """
    _need_dropout(predictor)
    network = predictor.to(device).eval()
    masks = Masks(network, seed)

    def compute(x: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = torch.from_numpy(np.array(x)).to(device)
        with torch.inference_mode():
            prediction, spread, *further = network.combine(_passes(network, masks, rows, passes))
            found = (prediction, spread, network.run_members(rows)[1], *further)
            return tuple(part.float().cpu().numpy() for part in found)

    return compute


def member_outputs(predictor: Predictor, x: np.ndarray, passes: int = 0, seed: int = 42) -> Tensor:
    """Return raw outputs (members, n, outputs) of rows (n, …), or (passes · members, n, outputs) with dropout on.

    Raises:
        ScitrainError: Passes were asked for of a network that has no dropout.
    """
    if passes:
        _need_dropout(predictor)
    masks = Masks(predictor.eval(), seed)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(x), BATCH):
            rows = torch.from_numpy(np.array(x[start : start + BATCH])).to(predictor.shift.device)
            plain = predictor.run_members(rows)[0] if not passes else _passes(predictor, masks, rows, passes)
            parts.append(plain.float().cpu())
    return torch.cat(parts, dim=1)


def _passes(predictor: Predictor, masks: Masks, rows: Tensor, passes: int) -> Tensor:
    found = []
    with masks.on():
        for turn in range(passes):
            masks.take(turn)
            found.append(predictor.run_members(rows)[0])
    return torch.cat(found)


def _need_dropout(predictor: Predictor) -> None:
    if not dropouts(predictor):
        raise ScitrainError(
            "mc_dropout: this network has no dropout, so that all passes would say the same; train one with, such as "
            "model={'family': 'mlp', 'dropout': 0.2}, or leave mc_dropout out: its ensemble says how sure it is"
        )
