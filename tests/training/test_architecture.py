"""The summary of a network counts what its layers are, and nothing twice."""

import pytest
import torch

from scitrain.contracts.model import InputShape, ModelSpec
from scitrain.modalities.formula import FormulaElements
from scitrain.models import FAMILIES
from scitrain.models.cnn import Cnn
from scitrain.models.matbert import Matbert
from scitrain.models.mlp import Mlp
from scitrain.models.resnet import Resnet
from scitrain.models.rnn import Rnn
from scitrain.models.stack import Stack
from scitrain.models.timm import Timm
from scitrain.models.transformer import Transformer
from scitrain.training.architecture import Architecture, architecture, ensemble_architecture
from scitrain.training.heads import FlooredHead
from scitrain.training.predictor import build_member, build_predictor

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


def test_unlike_members_are_summed_up_by_what_they_read_and_their_work_is_that_of_all() -> None:
    shape = FormulaElements(columns=("f",)).shape()
    predictor = build_predictor("regression", Matbert(), shape, 1, 3, FlooredHead((0.0,)))
    found = ensemble_architecture(predictor)
    counts = [sum(p.numel() for p in member.parameters()) for member in predictor.members]
    assert [(reads, one.members, one.parameters) for reads, one in found.kinds.items()] == [
        ("tokens", 2, counts[0]),
        ("element statistics alone", 1, counts[1]),
    ]
    assert (found.members, found.parameters, found.agreed) == (3, counts[0], "median")
    assert found.whole("parameters") == sum(counts)
    assert all(
        layer.name.startswith(("encoder.beside", "encoder.dropout", "head"))
        for layer in found.kinds["element statistics alone"].layers
    )


def test_an_ensemble_of_like_members_has_no_kinds() -> None:
    found = ensemble_architecture(build_predictor("regression", Mlp(), VECTOR, 1, 3))
    assert (found.members, found.kinds, found.agreed) == (3, {}, "mean")
    assert found.whole("flops") == 3 * found.flops


@pytest.mark.parametrize(("members", "agreed"), [(2, "mean"), (3, "median")])
def test_a_head_says_how_its_members_agree(members: int, agreed: str) -> None:
    head, each = FlooredHead((0.0,)), torch.tensor([1.0, 2.0, 6.0])[:members].reshape(-1, 1, 1)
    assert head.agreement(members) == agreed
    assert head.agreed(each).item() == {"mean": each.mean().item(), "median": 2.0}[agreed]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_of_unlike_members_says_why(family: type[ModelSpec]) -> None:
    assert (family.of_member is not ModelSpec.of_member) == bool(family.unlike)
