"""A stack is what its layers say: shapes, parameters, padding; and says itself what does not fit."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.exporters import export_files
from scitrain.models._layers import LAYERS, named
from scitrain.models.stack import Stack
from scitrain.operations.train_model import TrainModel
from scitrain.request import RequestError, parse

VECTOR = InputShape("vector", (10,))
IMAGE = InputShape("image", (2, 9, 7))
TOKENS = InputShape("tokens", (12,), vocabulary=9)
SERIES = InputShape("series", (2, 21))
RAGGED = InputShape("series", (3, 21), blocks={"there": (2, 3)})

LINEAR = [
    {"kind": "linear", "width": 16},
    {"kind": "norm"},
    {"kind": "activation", "name": "relu"},
    {"kind": "dropout", "share": 0.0},
]
BLOCK = {"kind": "residual", "layers": [{"kind": "norm"}, {"kind": "attention", "heads": 2}]}
PICTURE = [
    {"kind": "conv2d", "width": 8},
    {"kind": "norm", "of": "batch"},
    {"kind": "activation"},
    {"kind": "pool"},
    {
        "kind": "residual",
        "layers": [{"kind": "conv2d", "width": 8}, {"kind": "norm"}, {"kind": "activation", "name": "silu"}],
    },
    {"kind": "flatten"},
    *LINEAR,
]
WORDS = [
    {"kind": "embedding", "width": 8},
    {"kind": "position"},
    BLOCK,
    {"kind": "conv1d", "width": 8, "stride": 2},
    {"kind": "mean"},
]
STACKS = {
    "vector": (LINEAR, VECTOR),
    "image": (PICTURE, IMAGE),
    "image by means": (
        [
            {"kind": "conv2d", "width": 16},
            {"kind": "activation"},
            {"kind": "pool", "of": "mean", "size": 3},
            {"kind": "flatten"},
        ],
        IMAGE,
    ),
    "attention": (WORDS, TOKENS),
    "maximum": (
        [
            WORDS[0],
            {"kind": "conv1d", "width": 16, "kernel": 5, "dilation": 2},
            {"kind": "activation"},
            {"kind": "max"},
        ],
        TOKENS,
    ),
    "pools": ([WORDS[0], {"kind": "pool"}, {"kind": "pool", "of": "mean", "size": 3}, {"kind": "flatten"}], TOKENS),
    "recurrent": (
        [WORDS[0], {"kind": "rnn", "width": 6}, {"kind": "rnn", "cell": "lstm", "width": 8, "last": True}],
        TOKENS,
    ),
    "each place": ([WORDS[0], {"kind": "norm", "of": "batch"}, *LINEAR, {"kind": "flatten"}], TOKENS),
    "series": (
        [
            {"kind": "conv1d", "width": 8, "kernel": 5},
            {"kind": "activation"},
            {"kind": "pool"},
            {"kind": "flatten"},
            *LINEAR,
        ],
        SERIES,
    ),
    "ragged series": (
        [{"kind": "linear", "width": 8}, {"kind": "position"}, BLOCK, {"kind": "rnn", "width": 8, "last": True}],
        RAGGED,
    ),
}
CASES = pytest.mark.parametrize(("layers", "shape"), STACKS.values(), ids=STACKS)


def rows(shape: InputShape, n: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if shape.vocabulary is not None:
        return torch.randint(1, shape.vocabulary, (n, *shape.shape), generator=generator)
    return torch.rand(n, *shape.shape, generator=generator)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("layers", "shape", "expected"),
    [
        ([{"kind": "linear", "width": 16}, {"kind": "norm"}], VECTOR, 10 * 16 + 16 + 2 * 16),
        (
            [{"kind": "conv2d", "width": 4, "kernel": 3}, {"kind": "norm", "of": "batch"}, {"kind": "mean"}],
            IMAGE,
            2 * 4 * 9 + 4 + 2 * 4,
        ),
        # 9 × 7 pixels by stride 2 are 5 × 4
        (
            [{"kind": "conv2d", "width": 4, "stride": 2}, {"kind": "flatten"}, {"kind": "linear", "width": 3}],
            IMAGE,
            76 + 4 * 20 * 3 + 3,
        ),
        ([{"kind": "embedding", "width": 6}, {"kind": "position"}, {"kind": "mean"}], TOKENS, 9 * 6 + 6 * 12),
        (
            [{"kind": "embedding", "width": 6}, {"kind": "attention", "heads": 3}, {"kind": "max"}],
            TOKENS,
            9 * 6 + 6 * 18 + 18 + 6 * 6 + 6,
        ),
        # gates × units × (inputs + states + two biases), in each direction
        ([{"kind": "rnn", "width": 5, "last": True}], SERIES, 2 * 3 * 5 * (2 + 5 + 2)),
        ([{"kind": "rnn", "cell": "lstm", "width": 5}, {"kind": "mean"}], SERIES, 2 * 4 * 5 * (2 + 5 + 2)),
        # 21 places by 2 are 11, by 4 are 3
        (
            [
                {"kind": "conv1d", "width": 4, "kernel": 5},
                {"kind": "pool"},
                {"kind": "pool", "size": 4},
                {"kind": "flatten"},
                {"kind": "linear", "width": 2},
            ],
            SERIES,
            2 * 4 * 5 + 4 + 4 * 3 * 2 + 2,
        ),
        ([{"kind": "residual", "layers": [{"kind": "linear", "width": 10}]}], VECTOR, 110),
    ],
)
def test_a_stack_has_the_parameters_counted_by_hand(layers: list[object], shape: InputShape, expected: int) -> None:
    assert parameters(build(layers, shape)) == expected


def build(layers: list[object], shape: InputShape) -> nn.Module:
    return Stack.model_validate({"layers": layers, "reads": shape.kind}).build(shape)


@CASES
def test_every_kind_of_stack_overfits_eight_rows(layers: list[object], shape: InputShape) -> None:
    torch.manual_seed(0)
    encoder = build(layers, shape)
    network = nn.Sequential(encoder, nn.Linear(encoder.width, 1))
    x, y = rows(shape), torch.linspace(-1, 1, 8)[:, None]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(200):
        loss = nn.functional.mse_loss(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02


@CASES
def test_a_row_has_the_same_features_in_any_batch(layers: list[object], shape: InputShape) -> None:
    encoder = build(layers, shape).eval()
    x = rows(shape)
    with torch.no_grad():
        assert encoder(x).shape == (8, encoder.width)
        torch.testing.assert_close(encoder(x)[2:3], encoder(x[2:3]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name, (_, shape) in STACKS.items() if shape is TOKENS])
def test_padding_changes_nothing(name: str) -> None:
    layers, shape = STACKS[name]
    encoder = build(layers, shape).eval()
    x = rows(shape)
    lengths = (12, 7, 1, 5, 3, 2, 9, 11)
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    with torch.no_grad():
        together = encoder(x)
        for row, length in enumerate(lengths):
            torch.testing.assert_close(together[row], encoder(x[row : row + 1, :length])[0], atol=1e-5, rtol=1e-4)
        assert torch.isfinite(encoder(torch.zeros_like(x))).all()


def test_what_lies_behind_the_end_of_a_series_changes_nothing() -> None:
    layers = [
        {"kind": "conv1d", "width": 4},
        {"kind": "position"},
        BLOCK,
        {"kind": "pool"},
        {"kind": "rnn", "width": 3},
        {"kind": "flatten"},
    ]
    encoder = build(layers, RAGGED).eval()
    x = rows(RAGGED)
    x[:, 2] = 1
    x[0, :, 12:] = 0
    other = x.clone()
    other[0, :2, 12:] = 7.0
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), encoder(other))


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    grads = []
    for on in (False, True):
        torch.manual_seed(0)
        encoder = build(WORDS, TOKENS)
        encoder.set_gradient_checkpointing(on)
        encoder(rows(TOKENS)).sum().backward()
        grads.append(encoder.layers[0].embedding.weight.grad)
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        (LINEAR, "vector"),
        (WORDS, "tokens"),
        (PICTURE, "image"),
        ([{"kind": "norm"}, BLOCK, {"kind": "mean"}], "series"),
    ],
)
def test_the_layers_say_what_a_stack_reads(layers: list[object], kind: str) -> None:
    assert Stack(layers=layers).kinds() == (kind,)


MISFITS = {
    "no pooling": (
        [{"kind": "conv2d", "width": 8}, {"kind": "linear", "width": 10}],
        r"layers\[1\] \(linear\) takes a vector .* 8 channels × \? × \? pixels; put flatten or mean or max before .* one of norm,",
    ),
    "heads": (
        [{"kind": "embedding", "width": 30}, {"kind": "attention", "heads": 4}, {"kind": "mean"}],
        r"layers\[1\] \(attention\), given 30 channels × \? places, has heads=4, .* take heads=1 or 2 or 3 or 5 .*'width': 32\}",
    ),
    "an even kernel": (
        [{"kind": "conv1d", "width": 4, "kernel": 4}, {"kind": "max"}],
        r"has kernel=4, .* take kernel=3 or 5",
    ),
    "a residual that changes the shape": (
        [{"kind": "linear", "width": 4}, {"kind": "residual", "layers": [{"kind": "linear", "width": 5}]}],
        r"layers\[1\] \(residual\), given a vector of 4, adds a vector of 5",
    ),
    "deep inside": (
        [
            {"kind": "embedding"},
            {"kind": "residual", "layers": [{"kind": "norm"}, {"kind": "conv2d", "width": 4}]},
            {"kind": "mean"},
        ],
        r"layers\[1\]\.layers\[1\] \(conv2d\) takes an image, but is given 64 channels",
    ),
    "places at the end": (
        [{"kind": "embedding"}],
        r"layers\[0\], the last, leaves 64 channels × \? places.* add flatten, mean or max",
    ),
    "a vector too early": ([{"kind": "rnn", "last": True}, {"kind": "mean"}], r"layers\[1\] \(mean\) takes places"),
}


@pytest.mark.parametrize(("layers", "said"), MISFITS.values(), ids=MISFITS)
def test_layers_that_never_fit_are_refused_before_there_is_a_run(layers: list[object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        parse(TrainModel, {"data": "a.csv", "model": {"family": "stack", "layers": layers}})


def test_all_that_does_not_fit_is_told_at_once() -> None:
    layers = [
        {"kind": "embedding", "width": 30},
        {"kind": "attention"},
        {"kind": "conv1d", "width": 8, "kernel": 2},
        {"kind": "attention", "heads": 3},
        {"kind": "linear", "width": 2},
    ]
    with pytest.raises(RequestError) as caught:
        parse(TrainModel, {"data": "a.csv", "model": {"family": "stack", "layers": layers}})
    assert [place in str(caught.value) for place in ("layers[1]", "layers[2]", "layers[3]")] == [True] * 3


@pytest.mark.parametrize(
    ("layers", "shape", "said"),
    [
        (
            [{"kind": "residual", "layers": [{"kind": "linear", "width": 5}]}],
            VECTOR,
            "given a vector of 10, adds a vector of 5",
        ),
        ([{"kind": "attention", "heads": 4}, {"kind": "mean"}], RAGGED, "given 3 channels × 21 places, has heads=4"),
        (
            [{"kind": "flatten"}, {"kind": "linear", "width": 60000}],
            InputShape("image", (3, 512, 512)),
            "would have 47,185,920,000 weights",
        ),
        (WORDS, VECTOR, "read tokens, given vector; begin with"),
    ],
)
def test_what_depends_on_the_data_is_told_when_it_is_built(layers: list[object], shape: InputShape, said: str) -> None:
    reads = "auto" if layers is WORDS else shape.kind
    with pytest.raises(ScitrainError, match=said):
        Stack(layers=layers, reads=reads).build(shape)


def test_a_misspelt_option_of_a_layer_is_answered_with_the_near_name() -> None:
    given = {"family": "stack", "layers": [{"kind": "residual", "layers": [{"kind": "linear", "widht": 3}]}]}
    with pytest.raises(
        RequestError, match=r"model\.layers\[0\]\.layers\[0\]\.widht: not a field; did you mean 'width'"
    ):
        parse(TrainModel, {"data": "a.csv", "model": given})


def test_a_stack_is_the_same_after_it_was_written_down() -> None:
    request = parse(TrainModel, {"data": "a.csv", "model": {"family": "stack", "layers": PICTURE}})
    assert TrainModel.model_validate(json.loads(json.dumps(request.model_dump(mode="json")))) == request


def test_every_layer_is_tried_by_these_tests() -> None:
    used = json.dumps([layers for layers, _ in STACKS.values()])
    assert [named(layer) for layer in LAYERS if f'"kind": "{named(layer)}"' not in used] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "layers",
    [LINEAR, WORDS, STACKS["recurrent"][0], STACKS["pools"][0]],
    ids=["vector", "attention", "recurrent", "pools"],
)
def test_an_exported_stack_equals_torch(layers: list[object], tmp_path: Path, trained: ModuleType) -> None:
    run = trained.trained_run(tmp_path, "regression", Stack(layers=layers), 1)
    check = export_files(run, run, ["onnx", "torch_export", "torchscript"])
    assert all(entry["passed"] for entry in check["formats"].values())  # type: ignore[union-attr,index,call-overload]
