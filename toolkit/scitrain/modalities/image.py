"""Images, one file a row."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import DataError
from scitrain.modalities._chunks import featurise_in_chunks

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ImageModality", "ImageTensor"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pgm", ".ppm")
ROWS = 512
SAMPLE = 128
"""Training images looked at to choose size and channels."""
MULTIPLE = 8
LARGEST = 224
"""Side of the images most pretrained networks saw; more detail than that has to be asked for by cropping beforehand."""


class ImageTensor(Featuriser):
    """x = pixels in 0…1, (channels, size, size); upright, on white, stretched to a square."""

    output: ClassVar[InputKind] = "image"
    requirements: ClassVar[tuple[str, ...]] = ("pillow",)

    kind: Literal["image_tensor"] = "image_tensor"
    column: str
    """Column of paths."""
    size: int = Field(ge=1, le=4096)
    """Side in pixels."""
    channels: Literal[1, 3]
    """1 grey, 3 red-green-blue."""
    low: float = 0.0
    """Value that becomes 0 in images of 32-bit integers or floats."""
    high: float = 65535.0
    """Value that becomes 1 in those images."""

    def module(self) -> Path:
        """Return the file that decodes."""
        return Path(__file__).with_name("_image_features.py")

    def options(self) -> dict[str, object]:
        """Return column, size, channels and range."""
        listed: dict[str, object] = {"columns": [self.column], "size": self.size, "channels": self.channels}
        return listed | {"range": [self.low, self.high]}

    def shape(self) -> InputShape:
        """Return (channels, size, size)."""
        return InputShape("image", (self.channels, self.size, self.size))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, channels, size, size); files are decoded in threads."""
        from scitrain.modalities._image_features import featurise

        return featurise_in_chunks(featurise, {self.column: columns[self.column]}, self.options(), ROWS, tick)


class ImageModality(Modality):
    """A column of image paths."""

    name: ClassVar[str] = "image"
    default_split: ClassVar[str] = "stratified"
    default_split_reason: ClassVar[str] = "every class is then present in the same share in train, val and test"
    kinds: ClassVar[tuple[InputKind, ...]] = ("image",)

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find the column whose values name image files."""
        shares = {name: _share_of_images(values) for name, values in columns.items()}
        best = max(shares, key=shares.__getitem__, default="")
        if not best or shares[best] < 0.9:
            return None
        there = any(Path(value).is_file() for value in list(columns[best])[:20] if value)
        found = "and the files are there" if there else "but none of the first 20 files is there"
        return Recognition((best,), 0.99 if there else 0.6, f"the values of {best} are names of image files, {found}")

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Decode every image once; one that is missing, damaged or too large is the row's error."""
        from scitrain.modalities._image_features import verify

        paths = list(columns[_only(columns)])
        errors: dict[int, str] = {}
        for start in range(0, len(paths), ROWS):
            problems = verify(paths[start : start + ROWS])
            errors.update({start + row: problem for row, problem in enumerate(problems) if problem})
            if tick is not None:
                tick(min(start + ROWS, len(paths)), len(paths))
        return Cleaned(dict(columns), errors)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Choose from training images: the median side as a multiple of 8 up to 224, one channel if all are grey."""
        from statistics import median

        from scitrain.modalities._image_features import inspect, parallel

        column = _only(columns)
        step = max(1, len(train) // SAMPLE)
        paths = [columns[column][int(row)] for row in train[::step][:SAMPLE]]
        seen = [found for found in parallel(inspect, paths) if found is not None]
        if not seen:
            raise DataError(f"none of the {len(paths)} training images looked at in column {column!r} can be read")
        side = median(max(width, height) for width, height, _, _ in seen)
        size = min(LARGEST, max(MULTIPLE, -(-int(side) // MULTIPLE) * MULTIPLE))
        ranges = [limits for _, _, _, limits in seen if limits is not None]
        low, high = min((low for low, _ in ranges), default=0.0), max((high for _, high in ranges), default=65535.0)
        channels: Literal[1, 3] = 1 if all(grey for _, _, grey, _ in seen) else 3
        return ImageTensor(column=column, size=size, channels=channels, low=low, high=high if high > low else low + 1)

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return a hash of each file's bytes; the path where there is no file."""
        return [_fingerprint(Path(path)) for path in columns[_only(columns)]]


def _only(columns: Columns) -> str:
    """Return the one image column.

    Raises:
        DataError: There are several.
    """
    if len(columns) != 1:
        raise DataError(f"images are read from one column; given {', '.join(columns)}: name one with `inputs`")
    return next(iter(columns))


def _share_of_images(values: Sequence[str]) -> float:
    """Return the share of filled cells that end like an image file and are no web address."""
    filled = [value.strip().lower() for value in values if value.strip()]
    named = sum(value.endswith(SUFFIXES) and "://" not in value for value in filled)
    return named / len(filled) if filled else 0.0


def _fingerprint(path: Path) -> str:
    if not path.is_file():
        return str(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
