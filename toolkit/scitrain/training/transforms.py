"""What happens to a row before the members see it; learned from training rows, kept inside the predictor."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape

__all__ = ["ImageInput", "SeriesInput", "TokenInput", "VectorInput", "input_transform", "learn_input"]

COUNT_BLOCKS = frozenset({"counts"})
"""Blocks of (log) counts, mostly zero: left as they are, for a z-score would blow up rare ones."""
FEWEST_ROWS = 3
"""A count that fewer training rows have is silenced: its weights would stay as they were drawn, and be noise to a new row."""
CLIP = 10.0
"""Standardised values are cut at ± this, so that one absurd descriptor of a new row cannot take over a prediction."""
CHUNK = 1 << 25
"""Numbers looked at in one piece while statistics are learned (256 MiB as float64)."""


class VectorInput(nn.Module):
    """z = clip((x − mean) / std, ±10), missing values become the mean; counts keep their value, the rare ones become 0."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: InputShape) -> None:
        super().__init__()
        width = shape.shape[0]
        self.counts = [(start, end) for name, (start, end) in shape.blocks.items() if name in COUNT_BLOCKS]
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def forward(self, rows: Tensor) -> Tensor:
        """Map raw rows (batch, width) to standardised ones (batch, width)."""
        standard = ((rows - self.shift) * self.scale).clamp(-CLIP, CLIP)
        return torch.where(torch.isnan(standard), torch.zeros_like(standard), standard)

    def learn(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn mean and standard deviation of each column from the rows ``chosen`` of (n, width)."""
        mean, std = column_statistics(rows, chosen)
        scale = 1.0 / np.where(std > 1e-12 * np.maximum(np.abs(mean), 1e-12), std, 1.0)
        for start, end in self.counts:
            mean[start:end] = 0.0
            scale[start:end] = (rows[np.sort(chosen), start:end] != 0).sum(axis=0) >= min(FEWEST_ROWS, len(chosen))
        self.shift.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))


class ImageInput(nn.Module):
    """z = (x − mean) / std for each channel."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: InputShape) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(shape.shape[0], 1, 1))
        self.register_buffer("scale", torch.ones(shape.shape[0], 1, 1))

    def forward(self, rows: Tensor) -> Tensor:
        """Map images (batch, channels, height, width) in 0…1 to standardised ones."""
        return (rows - self.shift) * self.scale

    def learn(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn mean and standard deviation of each channel from the images ``chosen`` of (n, channels, height, width)."""
        pieces = math.ceil(len(chosen) * max(int(np.prod(rows.shape[1:])), 1) / CHUNK)
        sums, squares, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
        for piece in np.array_split(np.sort(chosen), max(pieces, 1)):
            values = np.asarray(rows[piece], np.float64)
            sums += values.sum((0, 2, 3))
            squares += (values**2).sum((0, 2, 3))
            count += values.size // rows.shape[1]
        mean = sums / max(count, 1)
        std = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0.0))
        self.fix(mean, np.where(std > 1e-6, std, 1.0))

    def fix(self, mean: np.ndarray, std: np.ndarray) -> None:
        """Take the statistics that pretrained weights were made with, one number a channel."""
        self.shift.copy_(torch.from_numpy(np.asarray(mean)).reshape(-1, 1, 1))
        self.scale.copy_(torch.from_numpy(1.0 / np.asarray(std)).reshape(-1, 1, 1))


class SeriesInput(nn.Module):
    """z = clip((x − mean) / std, ±10) for each channel; what lies behind the end of a shorter row becomes 0."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: InputShape) -> None:
        super().__init__()
        self.kept = [place for start, end in shape.blocks.values() for place in range(start, end)]
        """Channels that say where a row ends, and stay 0 and 1."""
        self.register_buffer("shift", torch.zeros(shape.shape[0], 1))
        self.register_buffer("scale", torch.ones(shape.shape[0], 1))

    def forward(self, rows: Tensor) -> Tensor:
        """Map series (batch, channels, length) to standardised ones."""
        standard = ((rows - self.shift) * self.scale).clamp(-CLIP, CLIP)
        return torch.where(torch.isnan(standard), torch.zeros_like(standard), standard)

    def learn(self, rows: np.ndarray, chosen: np.ndarray) -> None:
        """Learn mean and standard deviation of each channel from the rows ``chosen`` of (n, channels, length)."""
        mean, std = column_statistics(rows.reshape(len(rows), -1), chosen)
        mean, std = mean.reshape(rows.shape[1:]), std.reshape(rows.shape[1:])
        centre = mean.mean(axis=1)
        # the spread of all values about one mean: within the places, and of the places' means
        whole = np.sqrt((std**2 + (mean - centre[:, None]) ** 2).mean(axis=1))
        centre[self.kept], whole[self.kept] = 0.0, 1.0
        self.shift.copy_(torch.from_numpy(centre)[:, None])
        self.scale.copy_(torch.from_numpy(1.0 / np.where(whole > 1e-12, whole, 1.0))[:, None])


class TokenInput(nn.Module):
    """Token ids stay as they are."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return the ids (batch, length) unchanged."""
        return rows


def input_transform(shape: InputShape) -> nn.Module:
    """Return the untrained transform for rows of ``shape``."""
    if shape.kind == "vector":
        return VectorInput(shape)
    if shape.kind == "series":
        return SeriesInput(shape)
    return ImageInput(shape) if shape.kind == "image" else TokenInput()


def learn_input(
    transform: nn.Module,
    rows: np.ndarray,
    chosen: np.ndarray,
    statistics: tuple[tuple[float, ...], tuple[float, ...]] | None,
) -> None:
    """Learn ``transform`` from the rows ``chosen``, or take channel ``statistics`` where the network brings them."""
    if isinstance(transform, ImageInput) and statistics is not None:
        transform.fix(np.array(statistics[0]), np.array(statistics[1]))
    elif isinstance(transform, VectorInput | ImageInput | SeriesInput):
        transform.learn(rows, chosen)


def column_statistics(rows: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (width,) of the finite values of each column; 0 and 1 where there is none."""
    chosen = np.sort(chosen)
    means, stds = [], []
    step = max(1, CHUNK // max(len(chosen), 1))
    for start in range(0, rows.shape[1], step):
        values = np.asarray(rows[chosen, start : start + step], np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        count = np.maximum((~np.isnan(values)).sum(0), 1)
        mean = np.nansum(values, 0) / count
        means.append(mean)
        stds.append(np.sqrt(np.nansum((values - mean) ** 2, 0) / count))
    return np.concatenate(means), np.concatenate(stds)
