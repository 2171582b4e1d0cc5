from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models import FAMILIES
from scitrain.models.cnn import Cnn
from scitrain.models.cnn1d import Cnn1d
from scitrain.models.mlp import Mlp
from scitrain.models.resnet import Resnet
from scitrain.models.rnn import Rnn
from scitrain.models.timm import Timm
from scitrain.models.transformer import Transformer

VECTOR = InputShape("vector", (10,))
IMAGE = InputShape("image", (1, 8, 8))
TOKENS = InputShape("tokens", (12,), vocabulary=9)
SERIES = InputShape("series", (2, 21))
RAGGED = InputShape("series", (3, 21), blocks={"there": (2, 3)})
TINY = [
    (Mlp(widths=[16, 16], norm="batch", dropout=0.0), VECTOR),
    (Mlp(widths=[16, 16], norm="layer", dropout=0.0, residual=True), VECTOR),
    (Mlp(widths=[16], norm="none", dropout=0.0), VECTOR),
    (Cnn(widths=[4, 8], dropout=0.0), IMAGE),
    (Resnet(widths=[4, 4, 8, 8], blocks=[1, 1, 1, 1]), IMAGE),
    (Timm(name="test_resnet"), InputShape("image", (2, 16, 16))),
    (Rnn(embedding=8, hidden=8, layers=2, dropout=0.0), TOKENS),
    (Rnn(cell="gru", embedding=8, hidden=8, layers=1, dropout=0.0), TOKENS),
    (Rnn(embedding=8, hidden=8, layers=1, dropout=0.0), SERIES),
    (Cnn1d(widths=[4, 8], kernel=3, dropout=0.0), SERIES),
    (Cnn1d(widths=[8, 8], kernel=3, embedding=8, dropout=0.0), TOKENS),
    (Transformer(width=16, depth=1, heads=2, dropout=0.0), TOKENS),
    (Transformer(width=16, depth=1, heads=2, patch=4, dropout=0.0), SERIES),
    (Transformer(width=16, depth=1, heads=2, patch=4, dropout=0.0), RAGGED),
]
NAMES = [f"{model.family}-{i}" for i, (model, _) in enumerate(TINY)]


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def rows(shape, n=8):
    generator = torch.Generator().manual_seed(0)
    if shape.kind == "tokens":
        return torch.randint(1, shape.vocabulary, (n, *shape.shape), generator=generator)
    return torch.rand(n, *shape.shape, generator=generator)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        # 10·16 + 16, 16·8 + 8; a norm adds a gain and a shift for each unit, batch-norm makes the biases needless
        ("none", 160 + 16 + 128 + 8),
        ("layer", 160 + 16 + 32 + 128 + 8 + 16),
        ("batch", 160 + 32 + 128 + 16),
    ],
)
def test_an_mlp_has_the_parameters_counted_by_hand(norm, expected):
    assert parameters(Mlp(widths=[16, 8], norm=norm).build(VECTOR)) == expected


def test_a_cnn_has_the_parameters_counted_by_hand():
    convolutions = 1 * 32 * 9 + 32 * 64 * 9 + 64 * 128 * 9 + 128 * 256 * 9
    assert parameters(Cnn().build(IMAGE)) == convolutions + 2 * (32 + 64 + 128 + 256)


def test_resnet_18_has_the_parameters_of_the_paper():
    # torchvision's ResNet-18 has 11,689,512 of which 513,000 are its classifier of 1,000 classes
    assert parameters(Resnet().build(InputShape("image", (3, 224, 224)))) == 11_689_512 - 513_000


def test_a_timm_network_loses_its_classifier_and_takes_any_number_of_channels():
    encoder = Timm(name="resnet18").build(InputShape("image", (1, 64, 64)))
    assert parameters(encoder) == 11_689_512 - 513_000 - 2 * 64 * 49
    assert encoder.width == 512


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3)])
def test_an_rnn_has_the_parameters_counted_by_hand(cell, gates):
    first = gates * 5 * (6 + 5 + 2)  # weights from 6 inputs and 5 states, two biases
    second = gates * 5 * (10 + 5 + 2)
    encoder = Rnn(cell=cell, embedding=6, hidden=5, layers=2).build(TOKENS)
    assert parameters(encoder) == 9 * 6 + 2 * (first + second)


def test_an_rnn_over_a_series_projects_each_place():
    encoder = Rnn(embedding=6, hidden=5, layers=1).build(SERIES)
    assert parameters(encoder) == 2 * 6 + 6 + 2 * (4 * 5 * (6 + 5 + 2))


def test_a_cnn1d_over_a_series_has_the_parameters_counted_by_hand():
    encoder = Cnn1d(widths=[4, 8], kernel=3).build(SERIES)
    convolutions = 2 * 4 * 3 + 2 * 4 + 4 * 8 * 3 + 2 * 8  # each with gain and shift of its batch-norm
    places = 8 * 6  # 21 → 11 → 6 places of 8 channels
    assert parameters(encoder) == convolutions + places * 16 + 16


def test_a_cnn1d_over_tokens_has_the_parameters_counted_by_hand():
    encoder = Cnn1d(widths=[4, 8], kernel=3, embedding=5).build(TOKENS)
    assert parameters(encoder) == 9 * 5 + 5 * 4 * 3 + 2 * 4 + 4 * 8 * 3 + 2 * 8


@pytest.mark.parametrize(("shape", "first"), [(TOKENS, 9 * 16 + 12 * 16), (SERIES, 2 * 4 * 16 + 16 + 6 * 16)])
def test_a_transformer_has_the_parameters_counted_by_hand(shape, first):
    attention = 16 * 48 + 48 + 16 * 16 + 16
    mix = 16 * 64 + 64 + 64 * 16 + 16
    encoder = Transformer(width=16, depth=2, heads=2, patch=4).build(shape)
    assert parameters(encoder) == first + 2 * (attention + mix + 4 * 16) + 2 * 16


@pytest.mark.parametrize(("model", "shape"), TINY, ids=NAMES)
def test_every_family_overfits_eight_rows(model, shape):
    torch.manual_seed(0)
    encoder = model.build(shape)
    network = torch.nn.Sequential(encoder, torch.nn.Linear(encoder.width, 1))
    x, y = rows(shape), torch.linspace(-1, 1, 8)[:, None]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(150):
        loss = torch.nn.functional.mse_loss(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02


@pytest.mark.parametrize(("model", "shape"), TINY, ids=NAMES)
def test_a_row_has_the_same_features_in_any_batch(model, shape):
    encoder = model.build(shape).eval()
    x = rows(shape)
    with torch.no_grad():
        torch.testing.assert_close(encoder(x)[2:3], encoder(x[2:3]), atol=1e-5, rtol=1e-4)
        assert encoder(x).shape == (8, encoder.width)


@pytest.mark.parametrize(
    "model",
    [
        Rnn(cell="lstm", embedding=8, hidden=8, layers=2),
        Rnn(cell="gru", embedding=8, hidden=8, layers=2),
        Cnn1d(widths=[8, 8, 8], kernel=5),
        Transformer(width=16, depth=2, heads=4),
    ],
    ids=["lstm", "gru", "cnn1d", "transformer"],
)
def test_padding_changes_nothing(model):
    encoder = model.build(TOKENS).eval()
    x = rows(TOKENS)
    for row, length in enumerate((12, 7, 1, 5, 3, 2, 9, 11)):
        x[row, length:] = 0
    with torch.no_grad():
        together = encoder(x)
        for row, length in enumerate((12, 7, 1, 5, 3, 2, 9, 11)):
            torch.testing.assert_close(together[row], encoder(x[row : row + 1, :length])[0])


@pytest.mark.parametrize("model", [Rnn(hidden=4), Cnn1d(widths=[4]), Transformer(width=8, depth=1)])
def test_a_row_without_tokens_is_borne(model):
    encoder = model.build(TOKENS).eval()
    assert torch.isfinite(encoder(torch.zeros(2, 12, dtype=torch.int64))).all()


@pytest.mark.parametrize("model", [Rnn(hidden=4, layers=1), Transformer(width=8, depth=1, heads=2, patch=4)])
def test_what_lies_behind_the_end_of_a_series_changes_nothing(model):
    encoder = model.build(RAGGED).eval()
    x = rows(RAGGED)
    x[:, 2] = 1
    x[0, :, 12:] = 0
    other = x.clone()
    other[0, :2, 16 if isinstance(model, Transformer) else 12 :] = 7.0
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), encoder(other))


def test_options_that_do_not_fit_are_refused_before_anything_is_built():
    with pytest.raises(ScitrainError, match="cannot be shared by heads=3"):
        Transformer(width=16, heads=3).build(TOKENS)
    with pytest.raises(ScitrainError, match="an odd kernel"):
        Cnn1d(kernel=4).build(SERIES)


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_series_of_any_length_pass_through(length):
    shape = InputShape("series", (2, length))
    for model in (Cnn1d(widths=[4, 4]), Transformer(width=8, depth=1), Rnn(hidden=4, layers=1)):
        encoder = model.build(shape).eval()
        assert encoder(torch.zeros(3, 2, length)).shape == (3, encoder.width)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 33])
def test_convolutional_networks_take_images_of_any_size(side):
    shape = InputShape("image", (3, side, side))
    for model in (Cnn(widths=[4, 4, 4, 4]), Resnet(widths=[4, 4, 4, 4], blocks=[1, 1, 1, 1])):
        assert model.build(shape).eval()(torch.zeros(2, 3, side, side)).shape == (2, 4)


def test_blocks_of_a_vector_start_with_equal_voice():
    torch.manual_seed(0)
    blocks = {"descriptors": (0, 10), "counts": (10, 1010)}
    weight = Mlp(widths=[512]).build(InputShape("vector", (1010,), blocks=blocks)).layers[0].weight
    few, many = weight[:10].square().sum(), weight[10:].square().sum()
    assert few.item() == pytest.approx(many.item(), rel=0.1)


def test_gradient_checkpointing_gives_the_same_gradients():
    grads = []
    for on in (False, True):
        torch.manual_seed(0)
        encoder = Cnn(widths=[4, 4], dropout=0.0).build(IMAGE)
        encoder.set_gradient_checkpointing(on)
        encoder(rows(IMAGE)).sum().backward()
        grads.append(encoder.stages[0][0].weight.grad)
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_says_which_rows_it_reads(family):
    cls = FAMILIES[family]
    # a stack reads any kind, but each one its own
    model = cls(layers=[{"kind": "linear", "width": 4}]) if family == "stack" else cls()
    wrong = next(shape for shape in (VECTOR, IMAGE, TOKENS) if shape.kind not in model.kinds())
    with pytest.raises(ScitrainError, match=f"family '{family}' reads? .* given {wrong.kind}"):
        model.build(wrong)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_names_its_paper(family):
    assert "doi:" in FAMILIES[family].reference or "arXiv:" in FAMILIES[family].reference


def test_an_unknown_timm_network_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'resnet18'"):
        Timm(name="resnet_18").build(IMAGE)


def test_a_vision_transformer_takes_the_size_of_the_images():
    encoder = Timm(name="vit_tiny_patch16_224").build(InputShape("image", (3, 32, 48)))
    assert encoder(torch.zeros(1, 3, 32, 48)).shape == (1, 192)


def test_timm_weights_load_from_a_local_file_and_adapt_to_grey_images(tmp_path):
    import timm

    source = timm.create_model("resnet10t", num_classes=7)
    save_file(source.state_dict(), tmp_path / "model.safetensors")
    model = Timm(name="resnet10t", weights=str(tmp_path / "model.safetensors"))
    grey = model.build(InputShape("image", (1, 32, 32)))
    colour = model.build(InputShape("image", (3, 32, 32)))
    torch.testing.assert_close(colour.backbone.conv1[0].weight, source.conv1[0].weight)
    torch.testing.assert_close(grey.backbone.conv1[0].weight, source.conv1[0].weight.sum(1, keepdim=True))
    assert colour.statistics is not None
    assert grey.statistics is None


def test_weights_that_do_not_fit_are_refused_with_the_reason(tmp_path):
    save_file({"conv1.0.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(ScitrainError, match="does not fit the network 'resnet10t'"):
        Timm(name="resnet10t", weights=str(tmp_path / "model.safetensors")).build(InputShape("image", (3, 32, 32)))


def test_missing_weights_are_refused():
    with pytest.raises(ScitrainError, match="is no file of pretrained weights"):
        Timm(weights="nowhere.safetensors").build(IMAGE)


def test_without_the_hub_the_user_is_told_which_file_to_bring(monkeypatch):
    def urlopen(request, timeout):
        assert timeout <= 5
        raise URLError("no route to host")

    monkeypatch.setattr("scitrain.weights.hub.urlopen", urlopen)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    with pytest.raises(
        ScitrainError, match=r"no route to host.*download model.safetensors from .*timm/resnet18.*weights="
    ):
        Timm(name="resnet18", pretrained=True).build(InputShape("image", (3, 32, 32)))
