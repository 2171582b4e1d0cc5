"""The summary of a network counts what its layers are, and nothing twice."""

import pytest
import torch

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.models.cnn import Cnn
from scitrain.models.mlp import Mlp
from scitrain.models.resnet import Resnet
from scitrain.models.rnn import Rnn
from scitrain.models.stack import Stack
from scitrain.models.timm import Timm
from scitrain.models.transformer import Transformer
from scitrain.training.architecture import Architecture, architecture
from scitrain.training.predictor import build_member

VECTOR = InputShape("vector", (10,))
TOKENS = InputShape("tokens", (12,), vocabulary=9)
IMAGE = InputShape("image", (3, 16, 16))
STACK = Stack(
    layers=[
        {"kind": "embedding", "width": 16},
        {"kind": "residual", "layers": [{"kind": "norm"}, {"kind": "attention", "heads": 4}]},
        {"kind": "conv1d", "width": 8, "kernel": 5, "stride": 2},
        {"kind": "mean"},
    ]
)


def summary(model: ModelSpec, shape: InputShape) -> Architecture:
    return architecture(build_member(model, shape, 2), shape, 1)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Mlp(), VECTOR),
        (Cnn(), IMAGE),
        (Resnet(), IMAGE),
        (Timm(name="test_vit"), IMAGE),
        (Rnn(), TOKENS),
        (Transformer(), TOKENS),
        (STACK, TOKENS),
    ],
)
def test_each_parameter_and_each_operation_belongs_to_one_layer(model: ModelSpec, shape: InputShape) -> None:
    found = summary(model, shape)
    member = build_member(model, shape, 2)
    assert found.parameters == sum(p.numel() for p in member.parameters())
    assert sum(layer.parameters for layer in found.layers) == found.parameters
    assert sum(layer.flops for layer in found.layers) == found.flops > 0
    assert len({layer.name for layer in found.layers}) == len(found.layers)


def test_the_layers_of_a_stack_stand_as_they_were_declared_with_their_work_counted_by_hand() -> None:
    found = {layer.name: layer for layer in summary(STACK, TOKENS).layers}
    assert [layer.kind for layer in found.values()] == [
        "embedding", "norm", "attention", "conv1d", "mean", "Linear",
    ]  # fmt: skip
    attention = found["encoder.layers.1.layers.1"]
    # 12 places through weights 16 × 48 and 16 × 16; Q Kᵀ and its product with V over 12 × 12 pairs of 16 numbers
    assert attention.flops == 2 * 12 * 16 * (48 + 16) + 2 * 2 * 12 * 12 * 16
    assert (attention.shape, attention.parameters) == ([16, 12], 16 * 48 + 48 + 16 * 16 + 16)
    convolution = found["encoder.layers.2"]
    assert (convolution.shape, convolution.flops) == ([8, 6], 2 * 6 * 8 * 16 * 5)
    assert (found["head"].shape, found["head"].flops) == ([2], 2 * 8 * 2)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3)])
def test_recurrent_layers_work_at_each_place(cell: str, gates: int) -> None:
    found = summary(Rnn.model_validate({"cell": cell, "embedding": 6, "hidden": 5, "layers": 1}), TOKENS)
    one = 2 * 12 * gates * 5 * (6 + 5)
    assert found.flops == 2 * one + 2 * 10 * 2


def test_counting_leaves_the_network_as_it_was() -> None:
    member = build_member(Mlp(), VECTOR, 2).train()
    before = {name: tensor.clone() for name, tensor in member.state_dict().items()}
    architecture(member, VECTOR, 1)
    assert member.training
    torch.testing.assert_close(member.state_dict(), before)
    assert not member.head._forward_hooks
