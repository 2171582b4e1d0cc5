"""What happens to a row before the members see it; learned from training rows, kept inside the predictor."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from scitrain.contracts.model import InputShape
from scitrain.training.vector_input import CLIP, VectorInput, column_statistics, learn_vector

__all__ = ["ImageInput", "SeriesInput", "TokenInput", "input_transform", "learn_input"]

CHUNK = 1 << 25
"""Numbers looked at in one piece while statistics are learned (256 MiB as float64)."""


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
        values = rows.reshape(len(rows), -1)
        none = np.zeros(values.shape[1], dtype=bool)
        mean, std = column_statistics(values, chosen, np.arange(values.shape[1]), none)
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


def input_transform(inner: InputShape) -> nn.Module:
    """Return an untrained transform that gives rows of the shape ``inner``."""
    if inner.kind == "vector":
        return VectorInput(inner)
    if inner.kind == "series":
        return SeriesInput(inner)
    return ImageInput(inner) if inner.kind == "image" else TokenInput()


def learn_input(shape: InputShape, rows: np.ndarray, chosen: np.ndarray) -> tuple[nn.Module, InputShape]:
    """Return the transform of rows of ``shape``, learned from the rows ``chosen`` of (n, …), and the shape of what it gives."""
    if shape.kind == "vector":
        return learn_vector(shape, rows, chosen)
    transform = input_transform(shape)
    if isinstance(transform, ImageInput | SeriesInput):
        transform.learn(rows, chosen)
    return transform, shape
