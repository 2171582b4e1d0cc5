"""Random variants of training images, worked out on the whole batch at once."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["augment_images"]


def augment_images(
    batch: Tensor,
    generator: torch.Generator,
    flip: bool = False,
    degrees: float = 10.0,
    zoom: float = 0.1,
    brightness: float = 0.1,
) -> Tensor:
    """Return each image turned, shifted, cropped and brightened a little, each by its own random amount.

    Args:
        batch: (n, channels, height, width) in 0…1, on any device.
        generator: Where the random numbers come from; the same state gives the same variants.
        flip: Also mirror half of the images left to right. Off, as it changes what digits and many other images mean.
        degrees: Largest rotation to either side, in degrees.
        zoom: Largest share by which an image is cropped or shrunk, and moved from the centre.
        brightness: Largest change of brightness (in units of the full range) and, relatively, of contrast.

    Returns:
        A new tensor of the same shape, in 0…1; what was outside the image continues its border.
    """
    spread = torch.rand(7, len(batch), generator=generator, device=generator.device).to(batch) * 2 - 1
    angle, size = spread[0] * math.radians(degrees), 1 + spread[1] * zoom
    mirror = torch.where(spread[2] < 0, -1.0, 1.0) if flip else torch.ones_like(angle)
    moved = _move(batch, _transforms(angle, size, mirror, spread[3:5] * zoom))
    contrast, offset = 1 + spread[5] * brightness, spread[6] * brightness
    centre = moved.mean(dim=(1, 2, 3))
    return ((moved - _each(centre)) * _each(contrast) + _each(centre + offset)).clamp(0, 1)


def _transforms(angle: Tensor, size: Tensor, mirror: Tensor, shift: Tensor) -> Tensor:
    """Return (n, 2, 3): where each output pixel is taken from, in coordinates -1…1; ``shift`` is (2, n)."""
    cosine, sine = angle.cos() * size, angle.sin() * size
    across = torch.stack([cosine * mirror, -sine, shift[0]], dim=1)
    down = torch.stack([sine * mirror, cosine, shift[1]], dim=1)
    return torch.stack([across, down], dim=1)


def _move(batch: Tensor, transforms: Tensor) -> Tensor:
    """Return the batch resampled bilinearly."""
    grid = affine_grid(transforms, list(batch.shape), align_corners=False)
    return grid_sample(batch, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _each(values: Tensor) -> Tensor:
    """Return (n,) as (n, 1, 1, 1)."""
    return values[:, None, None, None]
