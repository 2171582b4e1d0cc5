"""Random variants of training rows: images, series, and pairs of images mixed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from scitrain.contracts.model import InputShape

__all__ = ["MIXES", "WAYS", "Mix", "Mixed", "Vary", "augment_images", "augment_series", "augmentations", "mix_pairs"]

WAYS: dict[str, tuple[str, ...]] = {
    "image": ("basic", "flip", "vflip", "rotate", "affine", "crop", "color", "blur", "erase", "mixup", "cutmix"),
    "series": ("noise", "shift", "scale"),
}
"""What can be asked for, by kind of row: ``basic`` is `augment_images`, the next eight are transforms of torchvision."""
MIXES = ("mixup", "cutmix")
BETA = {"mixup": 0.2, "cutmix": 1.0}
"""Parameter of the Beta distribution of the share: Zhang et al. 2018, arXiv:1710.09412; Yun et al. 2019, arXiv:1905.04899."""
NOISE, SHIFT, SCALE = 0.05, 0.02, 0.05
"""Of a series: noise in deviations of the channel; largest move in lengths; deviation of the factor from 1."""


@dataclass(frozen=True)
class Mixed:
    """Rows mixed in pairs."""

    rows: Tensor
    """(members, batch, …)"""
    partner: Tensor
    """int64 (batch,): place of the other row of each pair."""
    share: float
    """Share of a row's own label; the partner has the rest."""


Vary = Callable[[Tensor, torch.Generator], Tensor]
"""A batch (n, …) to a varied one."""
Mix = Callable[[Tensor, torch.Generator], Mixed]
"""Rows (members, batch, …) to mixed ones."""


def augmentations(names: Sequence[str], shape: InputShape) -> tuple[Vary | None, Mix | None]:
    """Return what varies each row, and what mixes pairs of rows; None where no name asks for it."""
    single = [name for name in names if name not in MIXES]
    pairs = tuple(name for name in names if name in MIXES)
    mix = partial(mix_pairs, names=pairs) if pairs else None
    if not single:
        return None, mix
    if shape.kind == "series":
        kept = [place for start, end in shape.blocks.values() for place in range(start, end)]
        return partial(augment_series, names=single, kept=kept), mix
    return partial(_vary_images, names=single, size=shape.shape[1:]), mix


def augment_series(batch: Tensor, generator: torch.Generator, names: Sequence[str], kept: Sequence[int] = ()) -> Tensor:
    """Return each series with noise, moved along its axis, or scaled, by its own random amounts.

    Args:
        batch: (n, channels, length), standardised.
        generator: Where the random numbers come from.
        names: Of ``noise``, ``shift``, ``scale``.
        kept: Channels that stay as they are, and say with 0 where nothing is.
    """
    n, _, length = batch.shape
    draw = {"generator": generator, "device": generator.device}
    varied = batch
    if "scale" in names:
        varied = varied * (1 + SCALE * torch.randn(n, 1, 1, **draw)).to(batch)  # type: ignore[call-overload]
    if "shift" in names:
        most = max(1, round(SHIFT * length))
        moves = torch.randint(-most, most + 1, (n, 1), **draw).to(batch.device)  # type: ignore[call-overload]
        places = (torch.arange(length, device=batch.device) + moves).clamp(0, length - 1)
        varied = varied.gather(2, places[:, None].expand(-1, batch.shape[1], -1))
    if "noise" in names:
        varied = varied + (NOISE * torch.randn(batch.shape, **draw)).to(batch)  # type: ignore[call-overload]
    if not kept:
        return varied
    there = batch[:, list(kept)[:1]]
    varied = varied * there
    varied[:, list(kept)] = batch[:, list(kept)]
    return varied


def mix_pairs(rows: Tensor, generator: torch.Generator, names: Sequence[str]) -> Mixed:
    """Blend each image with another (mixup), or paste a part of another into it (cutmix); one share for the batch.

    Args:
        rows: (members, batch, channels, height, width).
        generator: Where the random numbers come from.
        names: Of ``mixup`` and ``cutmix``; of both, one is drawn for each batch.
    """
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    own = torch.Generator().manual_seed(seed)
    name = names[int(torch.randint(len(names), (1,), generator=own))]
    partner = torch.randperm(rows.shape[1], generator=own).to(rows.device)
    share = _beta(BETA[name], own)
    if name == "mixup":
        return Mixed(share * rows + (1 - share) * rows[:, partner], partner, share)
    height, width = rows.shape[-2:]
    side = math.sqrt(1 - share)
    top, left = (int(torch.randint(size, (1,), generator=own)) for size in (height, width))
    rows_cut = slice(max(0, top - round(side * height / 2)), min(height, top + round(side * height / 2)))
    columns_cut = slice(max(0, left - round(side * width / 2)), min(width, left + round(side * width / 2)))
    pasted = rows.clone()
    pasted[..., rows_cut, columns_cut] = rows[:, partner][..., rows_cut, columns_cut]
    area = (rows_cut.stop - rows_cut.start) * (columns_cut.stop - columns_cut.start)
    return Mixed(pasted, partner, 1 - area / (height * width))


def _beta(a: float, generator: torch.Generator) -> float:
    """Draw from Beta(a, a) as the ratio of two Gamma numbers, which torch draws from a generator."""
    x, y = torch._standard_gamma(torch.tensor([a, a], dtype=torch.float64), generator=generator).tolist()
    return float(x / (x + y)) if x + y > 0 else 0.5


def _vary_images(batch: Tensor, generator: torch.Generator, names: Sequence[str], size: Sequence[int]) -> Tensor:
    """Apply the named ways one after the other, to each image with its own random amounts."""
    varied = augment_images(batch, generator) if "basic" in names else batch
    transforms = [_transform(name, size) for name in names if name != "basic"]
    if not transforms:
        return varied
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's own state
        torch.manual_seed(seed)
        images = []
        for image in varied:
            for transform in transforms:
                image = transform(image)
            images.append(image)
    return torch.stack(images).clamp(0, 1)


def _transform(name: str, size: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Return a transform of torchvision."""
    from torchvision.transforms import v2

    height, width = size
    made: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
        "flip": lambda: v2.RandomHorizontalFlip(),
        "vflip": lambda: v2.RandomVerticalFlip(),
        "rotate": lambda: v2.RandomRotation(15, v2.InterpolationMode.BILINEAR),
        "affine": lambda: v2.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), 5, v2.InterpolationMode.BILINEAR),
        "crop": lambda: v2.RandomResizedCrop((height, width), scale=(0.7, 1.0), antialias=True),
        "color": lambda: v2.ColorJitter(0.2, 0.2, 0.2, 0.05),
        "blur": lambda: v2.GaussianBlur(3, (0.1, 1.0)),
        "erase": lambda: v2.RandomErasing(0.5, (0.02, 0.2)),
    }
    return made[name]()


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
