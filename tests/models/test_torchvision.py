from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models.torchvision import Torchvision

COLOUR = InputShape("image", (3, 64, 64))


@pytest.mark.parametrize(
    ("name", "width"),
    [("resnet18", 512), ("mobilenet_v3_small", 1024), ("efficientnet_b0", 1280), ("squeezenet1_1", 0)],
)
def test_the_head_of_any_classifier_is_taken_away_where_it_is_a_linear_layer(name, width):
    if not width:
        with pytest.raises(ScitrainError, match="does not end in a linear layer"):
            Torchvision(name=name).build(COLOUR)
        return
    encoder = Torchvision(name=name).build(COLOUR).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(2, 3, 64, 64)).shape == (2, width) == (2, encoder.width)


def test_weights_of_a_file_fill_the_network_but_not_its_head_and_grey_images_are_read(tmp_path):
    source = get_model("resnet18", weights=None, num_classes=7)
    save_file({n: v.clone() for n, v in source.state_dict().items()}, tmp_path / "w.safetensors")
    encoder = Torchvision(name="resnet18", weights=str(tmp_path / "w.safetensors")).build(
        InputShape("image", (1, 32, 32))
    )
    torch.testing.assert_close(encoder.backbone.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    with torch.no_grad():
        grey = torch.rand(2, 1, 32, 32)
        source.fc = torch.nn.Identity()
        torch.testing.assert_close(encoder.eval()(grey), source.eval()(grey.expand(-1, 3, -1, -1)))


def test_weights_of_another_network_are_refused_by_their_names(tmp_path):
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ScitrainError, match="are of another architecture: missing"):
        Torchvision(name="resnet18", weights=str(tmp_path / "w.safetensors")).build(COLOUR)


def test_a_misspelt_network_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'resnet50'"):
        Torchvision(name="resnet_50").build(COLOUR)


def test_without_the_network_the_user_is_told_which_file_to_put_where(monkeypatch, tmp_path):
    def urlopen(url, timeout):
        assert timeout <= 5
        raise URLError("no route to host")

    monkeypatch.setattr("scitrain.models._torchvision.urlopen", urlopen)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(ScitrainError, match=r"no route to host.*download https://.*resnet18-.*copy the file to"):
        Torchvision(name="resnet18", pretrained=True).build(COLOUR)


@pytest.mark.parametrize(
    ("shape", "said"),
    [(InputShape("vector", (3,)), "reads images, given vector"), (InputShape("image", (4, 8, 8)), "given 4 channels")],
)
def test_rows_it_cannot_read_are_refused(shape, said):
    with pytest.raises(ScitrainError, match=said):
        Torchvision().build(shape)
