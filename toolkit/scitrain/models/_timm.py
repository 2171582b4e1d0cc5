"""Networks of the family ``timm``."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models._encoder import Encoder
from scitrain.weights import Wanted, fetched

__all__ = ["TimmEncoder"]


class TimmEncoder(Encoder):
    """A timm backbone without its classifier; the first convolution is adapted to the channels of the images."""

    def __init__(self, name: str, pretrained: bool, weights: Path | None, shape: InputShape, dropout: float) -> None:
        super().__init__()
        channels, height, width = shape.shape
        options: dict[str, Any] = {"num_classes": 0, "in_chans": channels, "drop_rate": dropout}
        known = _configuration(name)
        if known.get("fixed_input_size"):
            options["img_size"] = (height, width)
        if weights is not None:
            options["pretrained_cfg_overlay"] = {"file": str(weights), "hf_hub_id": None}
        self.backbone = _create(name, pretrained or weights is not None, known, options)
        with torch.no_grad():
            # The number of features after pooling is not the same attribute in all of timm's networks.
            self.width = int(self.backbone.eval()(torch.zeros(1, channels, height, width)).shape[1])
        self.backbone.train()
        self.recomputes = _recomputes(self.backbone)
        if (pretrained or weights is not None) and len(known["mean"]) == channels:
            self.statistics = tuple(known["mean"]), tuple(known["std"])

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, width)."""
        features: Tensor = self.backbone(rows)
        return features

    def set_gradient_checkpointing(self, on: bool) -> None:
        """Use timm's own checkpointing, which knows the stages of each network."""
        if self.recomputes:
            self.backbone.set_grad_checkpointing(on)  # type: ignore[operator]


def _recomputes(backbone: nn.Module) -> bool:
    """Tell whether a network of timm can recompute activations; those that cannot refuse to be asked."""
    try:
        backbone.set_grad_checkpointing(True)  # type: ignore[operator]
    except (AttributeError, AssertionError):
        return False
    backbone.set_grad_checkpointing(False)  # type: ignore[operator]
    return True


def _configuration(name: str) -> dict[str, Any]:
    """Return timm's facts about the pretrained weights of a network.

    Raises:
        UnknownNameError: timm has no such network.
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise UnknownNameError("timm network", name, timm.list_models())
    found = timm.get_pretrained_cfg(name if tag else architecture)
    if found is None:
        tags = list(timm.list_pretrained(f"{architecture}.*"))
        raise UnknownNameError(f"pretrained weights of {architecture!r}", name, tags)
    return dict(vars(found))


def _create(name: str, pretrained: bool, known: dict[str, Any], options: dict[str, Any]) -> nn.Module:
    overlay = options.get("pretrained_cfg_overlay")
    if pretrained and overlay is None:
        with fetched(Wanted(name, str(known.get("hf_hub_id") or ""))):
            return _network(name, True, options)
    try:
        return _network(name, pretrained, options)
    except (RuntimeError, UnpicklingError) as error:
        if overlay is None:
            raise
        raise ScitrainError(f"weights={overlay['file']!r} does not fit the network {name!r}: {error}") from error


def _network(name: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    network: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    return network
