"""Pretrained weights: where they are, how they come here, and that they fit; said once for every family."""

from scitrain.weights.fitting import refuse_misfits
from scitrain.weights.folder import check_folder, licence_of
from scitrain.weights.hub import ENCODERS, ZERO_SHOT, Wanted, fetched, near_names
from scitrain.weights.reading import read_tensors

__all__ = [
    "ENCODERS",
    "ZERO_SHOT",
    "Wanted",
    "check_folder",
    "fetched",
    "licence_of",
    "near_names",
    "read_tensors",
    "refuse_misfits",
]
