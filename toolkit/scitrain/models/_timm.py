"""Networks of the family ``timm``."""

from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from torch import Tensor, nn

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.models._encoder import Encoder

__all__ = ["TimmEncoder"]

PROBE_S = 3.0
"""Seconds the hub has to answer before the user is told how to go on without it."""
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


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
        _reach(name, str(known.get("hf_hub_id") or ""))
    try:
        network: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
        return network
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ScitrainError(_advice(name, str(known.get("hf_hub_id") or ""), str(error))) from error
    except RuntimeError as error:
        if overlay is None:
            raise
        raise ScitrainError(f"weights={overlay['file']!r} does not fit the network {name!r}: {error}") from error


def _reach(name: str, repository: str) -> None:
    """Make sure that the weights are in the local cache, or that the hub answers.

    Raises:
        ScitrainError: Neither is so; says which file to put where.
    """
    if any(isinstance(try_to_load_from_cache(repository, file), str) for file in WEIGHT_FILES if repository):
        return
    if constants.HF_HUB_OFFLINE:
        raise ScitrainError(_advice(name, repository, "HF_HUB_OFFLINE is set"))
    try:
        with urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PROBE_S):
            return
    except HTTPError:
        return  # it answered, if only to say no: what it says to the download is told then
    except OSError as error:
        raise ScitrainError(_advice(name, repository, str(error) or type(error).__name__)) from error


def _advice(name: str, repository: str, reason: str) -> str:
    page = f"{constants.ENDPOINT}/{repository}" if repository else "the model's page"
    return (
        f"the pretrained weights of {name!r} cannot be fetched from {constants.ENDPOINT} ({reason}); on a machine with "
        f"access, download {WEIGHT_FILES[0]} from {page}, copy it here and give its path as weights='…/{WEIGHT_FILES[0]}'; "
        "or train from scratch with pretrained=false"
    )
