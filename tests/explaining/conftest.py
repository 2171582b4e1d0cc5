"""Predictors whose attributions are known by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape
from scitrain.explaining.attribute import Question
from scitrain.explaining.function import Explained
from scitrain.models._encoder import Encoder
from scitrain.models.mlp import Mlp
from scitrain.training.predictor import Member, Predictor
from scitrain.training.transforms import input_transform, learn_input


class Same(Encoder):
    """Features are the rows themselves, so that the head is all there is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, rows: Tensor) -> Tensor:
        return rows


@pytest.fixture
def linear() -> Callable[[list[float]], Predictor]:
    """Return a maker of f(x) = 5 + x · coefficients, its input transform left neutral."""

    def make(coefficients: list[float]) -> Predictor:
        width = len(coefficients)
        shape = InputShape("vector", (width,))
        member = Member(Same(width), 1)
        with torch.no_grad():
            member.head.weight.copy_(torch.tensor([coefficients]))
            member.head.bias.fill_(5.0)
        inputs = input_transform(shape)
        return Predictor("regression", inputs, [member], 1, shape).eval()

    return make


@pytest.fixture
def bent() -> Callable[..., Predictor]:
    """Return a maker of networks of two members with curved answers; the last column of a row is never read."""

    def make(task: str = "regression", outputs: int = 1, width: int = 4) -> Predictor:
        torch.manual_seed(3)
        rng = np.random.default_rng(1)
        rows = rng.normal(size=(50, width)).astype(np.float32)
        rows[:, -1] = 1.0
        inputs, inner = learn_input(InputShape("vector", (width,)), rows, np.arange(50))
        spec = Mlp(widths=[16, 16], norm="none")
        members = [Member(spec.build(inner), outputs) for _ in range(2)]
        return Predictor(task, inputs, members, outputs, inner).eval()  # type: ignore[arg-type]

    return make


@pytest.fixture
def ask() -> Callable[..., Question]:
    """Return a maker of questions about all outputs 0."""

    def make(predictor: nn.Module, x: np.ndarray, baseline: np.ndarray, **other: object) -> Question:
        every = np.broadcast_to(baseline, x.shape).copy()
        default: dict[str, object] = {
            "outputs": np.zeros(len(x), np.int64),
            "background": every[:1],
            "groups": np.arange(x[0].size).reshape(x.shape[1:]),
        }
        return Question(Explained(predictor), x, every, **(default | other))  # type: ignore[arg-type]

    return make
