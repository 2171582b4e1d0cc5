"""The row that tells nothing, which attributions are measured against."""

import numpy as np

from scitrain.contracts.model import InputShape
from scitrain.explaining.pieces import Silent

__all__ = ["WORDS", "baseline_row", "beside"]

WORDS = {
    "vector": "the mean of the training rows (descriptors: the median; counts: none)",
    "series": "the mean of the training rows",
    "image": "an even image in the mean colour of the training images",
}
"""What a row is compared with; of tokens `Silent` says it."""


def baseline_row(shape: InputShape, train: np.ndarray, silent: Silent) -> np.ndarray:
    """Return one row of ``shape`` that stands for no information, from training rows (n, …) or of tokens that say nothing."""
    if shape.kind == "tokens":
        return np.full(shape.shape, silent.token, np.int64)
    if shape.kind == "image":
        mean = train.mean(axis=(0, 2, 3), dtype=np.float64).astype(np.float32)
        return np.broadcast_to(mean[:, None, None], shape.shape).copy()
    return _centre(shape, train)


def _centre(shape: InputShape, train: np.ndarray) -> np.ndarray:
    there = np.isfinite(train)
    count = np.maximum(there.sum(axis=0), 1)
    centre: np.ndarray = (np.where(there, train, 0.0).sum(axis=0, dtype=np.float64) / count).astype(np.float32)
    for name, (start, end) in shape.blocks.items() if shape.kind == "vector" else ():
        if name.endswith("counts"):
            centre[start:end] = 0.0
        elif name == "descriptors":
            part = np.where(there[:, start:end], train[:, start:end], np.nan)
            part[:, ~there[:, start:end].any(axis=0)] = 0.0
            centre[start:end] = np.nanmedian(part, axis=0)
    return centre


def beside(shape: InputShape, row: np.ndarray, x: np.ndarray, silent: Silent) -> np.ndarray:
    """Return the baseline of each row of ``x`` (n, …): padding, and what says where a row ends, stays as it is in the row."""
    found = np.broadcast_to(row, x.shape).copy()
    if shape.kind == "tokens":
        found = np.where(np.isin(x, silent.kept), x, found)
    if shape.kind == "series":
        for start, end in shape.blocks.values():
            found[:, start:end] = x[:, start:end]
    if shape.kind == "vector" and "extent" in shape.blocks:
        found[:, slice(*shape.blocks["extent"])] = x[:, slice(*shape.blocks["extent"])]
    return found
