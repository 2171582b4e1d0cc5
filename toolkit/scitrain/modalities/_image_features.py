"""Image files to arrays in 0…1: orientation, colour space, bit depth, alpha and size are brought to one form.

Self-contained (numpy and Pillow), so that a bundle predicts with this very file.
"""

import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["MAX_PIXELS", "featurise", "inspect", "parallel", "verify"]

R = TypeVar("R")

MAX_PIXELS = 50_000_000
"""Larger images are refused from their header alone: a few kB of PNG can unpack to GB."""
GREY_8 = ("1", "L")
WIDE = ("I", "F")
"""Modes of 32-bit integers and floats, whose range a file does not tell."""
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow's decoders raise for files that are cut off or damaged."""
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
THREADS = 16


def featurise(columns: dict[str, list[str]], options: dict[str, Any]) -> tuple[np.ndarray, list[str | None]]:
    """Return float32 (n, channels, size, size) in 0…1, and what is wrong with each image.

    Options: ``columns`` with the name of the column of paths, ``size``, ``channels`` (1 or 3), ``range`` [low, high]
    that becomes 0…1 in 32-bit images. The aspect ratio is not kept; transparency is put on white.
    """
    paths = columns[options["columns"][0]]
    size, channels = int(options["size"]), int(options["channels"])
    low, high = options["range"]
    array = np.zeros((len(paths), channels, size, size), dtype=np.float32)

    def work(row: int) -> str | None:
        def decode(image: Image.Image) -> None:
            array[row] = _pixels(image, size, channels, (low, high))

        return _with_image(paths[row], decode)[1]

    problems = parallel(work, range(len(paths)))
    return array, problems


def verify(paths: Sequence[str]) -> list[str | None]:
    """Return per file None or why it cannot be used; decodes every pixel."""
    return parallel(lambda path: _with_image(path, _load)[1], paths)


def inspect(path: str) -> tuple[int, int, bool, tuple[float, float] | None] | None:
    """Return width and height as shown, whether it is grey, the range of 32-bit pixels; None where unreadable."""
    return _with_image(path, _inspect)[0]


def parallel(work: Callable[[Any], R], items: Sequence[Any]) -> list[R]:
    """Apply ``work`` in threads (decoders release the interpreter's lock), order kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; pixels are what counts
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        if len(items) < 4:
            return [work(item) for item in items]
        with ThreadPoolExecutor(
            min(THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
        ) as pool:
            return list(pool.map(work, items))


def _with_image(path: str, work: Callable[[Image.Image], R]) -> tuple[R | None, str | None]:
    """Open a file, check its size, and return what ``work`` makes of it, or None and the problem."""
    if not Path(path).is_file():
        return None, f"no image file {path}" if path.strip() else "no image given"
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{image.width} × {image.height} pixels")
            return work(image), None
    except (*BROKEN, *BOMBS, MemoryError) as error:
        return None, _problem(path, error)


def _problem(path: str, error: Exception) -> str:
    """Say what is wrong with a file."""
    if isinstance(error, BOMBS):
        found = re.sub(r"^Image size \((\d+) pixels\).*", r"\1 pixels", str(error))
        return f"{path} is too large ({found}); at most {MAX_PIXELS:,} pixels are decoded, make it smaller"
    if isinstance(error, UnidentifiedImageError):
        return f"{path} is no image that can be read; expected PNG, JPEG, TIFF, BMP, GIF or WebP"
    if isinstance(error, MemoryError):
        return f"{path} does not fit into memory; make it smaller"
    return f"{path} is damaged or cut off ({error}); export it again"


def _load(image: Image.Image) -> None:
    """Decode every pixel, and refuse what is not finite."""
    image.load()
    if image.mode == "F" and not np.isfinite(np.asarray(image)).all():
        raise ValueError("NaN or infinite pixels")


def _inspect(image: Image.Image) -> tuple[int, int, bool, tuple[float, float] | None]:
    """Return size as shown, greyness and the range of a 32-bit image."""
    width, height = image.size
    if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
        width, height = height, width
    if image.mode in WIDE:
        _load(image)
        values = np.asarray(image)
        return width, height, True, (float(values.min()), float(values.max()))
    if image.mode.startswith("I") or image.mode in GREY_8:
        return width, height, True, None
    image.draft(image.mode, (256, 256))
    colours = np.asarray(_flat(image).convert("RGB").resize((64, 64), Image.Resampling.NEAREST)).astype(np.int16)
    return width, height, bool(np.ptp(colours, axis=2).max() <= 2), None


def _pixels(image: Image.Image, size: int, channels: int, limits: tuple[float, float]) -> np.ndarray:
    """Return float32 (channels, size, size) in 0…1."""
    image.draft(image.mode, (2 * size, 2 * size))  # JPEG decodes at a fraction of its size, many times faster
    _load(image)
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(WIDE):
        low, high = (0.0, 65535.0) if upright.mode.startswith("I;16") else limits
        grey = Image.fromarray(
            ((np.asarray(upright, dtype=np.float32) - low) / max(high - low, 1e-12)).astype(np.float32)
        )
        values = np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR))
        return np.broadcast_to(np.clip(values, 0, 1), (channels, size, size))
    flat = _flat(upright).convert("L" if channels == 1 else "RGB")
    values = np.asarray(flat.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    return values[None] if channels == 1 else values.transpose(2, 0, 1)


def _flat(image: Image.Image) -> Image.Image:
    """Return the image without transparency, on white."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered)
