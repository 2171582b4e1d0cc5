"""Networks of the family ``torchvision``."""

from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights, list_models
from torchvision.models.vision_transformer import interpolate_embeddings

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models._encoder import Encoder
from scitrain.weights import read_tensors, refuse_misfits
from scitrain.weights.hub import PROBE_S

__all__ = ["TorchvisionEncoder"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, with which all of torchvision's weights were made."""
CLASSIFIERS = ("torchvision.models", "torchvision.models.quantization")


class TorchvisionEncoder(Encoder):
    """A torchvision classifier whose last linear layer is taken away; grey images are shown to all three channels."""

    def __init__(self, name: str, pretrained: bool, weights: Path | None, shape: InputShape, dropout: float) -> None:
        super().__init__()
        channels, height, width = shape.shape
        if channels not in (1, 3):
            raise ScitrainError(
                f"family 'torchvision' reads grey or colour images, given {channels} channels; take timm"
            )
        self.backbone = _network(name, (height, width))
        if pretrained or weights is not None:
            path = weights if weights is not None else _download(name)
            _fill(self.backbone, name, path, height)
            self.statistics = MEAN[:channels], STD[:channels]
        self.width = _take_head(self.backbone)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, 1 or 3, height, width) to (batch, width)."""
        features: Tensor = self.dropout(self.backbone(rows.expand(-1, 3, -1, -1)))
        return features

    def set_gradient_checkpointing(self, on: bool) -> None:
        """Refuse what torchvision's networks do not offer.

        Raises:
            ScitrainError: It is asked for.
        """
        if on:
            raise ScitrainError(
                "torchvision's networks cannot recompute activations; leave gradient_checkpointing out, or take timm"
            )


def _network(name: str, size: tuple[int, int]) -> nn.Module:
    import torchvision.models as library

    if name not in list_models(library):
        raise UnknownNameError("classifier of torchvision", name, list_models(library))
    options: dict[str, object] = {}
    if name.startswith("vit_"):
        if size[0] != size[1]:
            raise ScitrainError(
                f"{name!r} of torchvision reads square images, given {size[0]}×{size[1]}; take vit_… of timm"
            )
        options["image_size"] = size[0]
    if name.startswith(("googlenet", "inception")):
        options |= {"aux_logits": False, "init_weights": True}
    network: nn.Module = get_model(name, weights=None, **options)
    return network


def _take_head(network: nn.Module) -> int:
    """Put nothing in the place of the last linear layer, and return the features it read.

    Raises:
        ScitrainError: The network ends otherwise.
    """
    linear = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    last = list(network.named_modules())[-1][0] if linear else ""
    if not linear or (linear[-1][0] != last and not last.startswith(linear[-1][0].rpartition(".")[0])):
        raise ScitrainError(
            f"{type(network).__name__} of torchvision does not end in a linear layer; take another, or timm"
        )
    name, layer = linear[-1]
    above, _, own = name.rpartition(".")
    setattr(network.get_submodule(above), own, nn.Identity())
    return int(layer.in_features)


def _fill(network: nn.Module, name: str, path: Path, side: int) -> None:
    stored = read_tensors(path)
    if name.startswith("vit_") and "encoder.pos_embedding" in stored:
        patch = int(network.patch_size)  # type: ignore[arg-type]
        stored = dict(interpolate_embeddings(side, patch, stored))
    wanted = {n: v for n, v in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    head = [n for n in wanted if n not in stored or stored[n].shape != wanted[n].shape]
    last = [n for n, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]
    kept = {n: v for n, v in wanted.items() if not n.startswith(f"{last}.")}
    shapes = [{n: tuple(v.shape) for n, v in state.items()} for state in (kept, stored)]
    what = f"the weights of {path.name!r} for {name!r}"
    refuse_misfits(what, shapes[0], shapes[1], (last, "aux", "AuxLogits"))
    network.load_state_dict({n: v for n, v in stored.items() if n in kept and n not in head}, strict=False)


def _download(name: str) -> Path:
    """Return torchvision's own file of weights from torch's cache, fetched where it is not there.

    Raises:
        ScitrainError: The server cannot be reached; says which file to put where.
    """
    url = str(get_model_weights(name).DEFAULT.url)
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urlopen(url, timeout=PROBE_S):
            pass
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ScitrainError(
            f"the pretrained weights of {name!r} cannot be fetched ({reason}); on a machine with access, download {url}, copy the file "
            f"to {path}, or give its path as weights='…/{path.name}'; or train from scratch with pretrained=false"
        ) from error
    return path
