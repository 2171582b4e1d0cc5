import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scitrain.errors import DataError
from scitrain.modalities.image import ImageModality, ImageTensor

modality = ImageModality()
COLOURS = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)


def save(folder: Path, name: str, array: np.ndarray = COLOURS, mode: str | None = None) -> str:
    image = Image.fromarray(array)
    path = folder / name
    (image.convert(mode) if mode else image).save(path)
    return str(path)


def png_of(side: int, path: Path) -> str:
    """A valid header of a huge image, and next to no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b""))
    return str(path)


def tensor(path: str, **options: object) -> np.ndarray:
    featuriser = ImageTensor.model_validate({"column": "p", "size": 24, "channels": 1} | options)
    array, errors = featuriser.transform({"p": [path]})
    assert errors == {}
    assert array.dtype == np.float32
    assert array.min() >= 0
    assert array.max() <= 1
    row: np.ndarray = array[0]
    return row


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_colour_space_gives_about_the_same_picture(tmp_path: Path, mode: str, channels: int) -> None:
    blocks = np.repeat(np.repeat(np.array([[0, 255], [255, 0]], dtype=np.uint8), 12, 0), 12, 1)
    reference = tensor(save(tmp_path, "reference.png", blocks), channels=channels)
    if mode == "I;16":
        path = save(tmp_path, "x.png", blocks.astype(np.uint16) * 257)
    else:
        path = save(tmp_path, "x.tif" if mode in ("CMYK", "YCbCr") else "x.png", np.dstack([blocks] * 3), mode)
    assert tensor(path, channels=channels) == pytest.approx(reference, abs=0.02)


def test_floats_and_wide_integers_use_the_learned_range(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 5, 64).reshape(8, 8)
    paths = [save(tmp_path, "f.tif", ramp.astype(np.float32)), save(tmp_path, "i.tif", (ramp * 1000).astype(np.int32))]
    for path in paths:
        featuriser = modality.featuriser("image", {"p": [path]}, np.array([0]))
        array, _ = featuriser.transform({"p": [path]})
        assert array[0, 0, 0, 0] == 0
        assert array[0, 0, -1, -1] == 1
        assert array[0, 0].ravel() == pytest.approx(np.linspace(0, 1, 64), abs=1e-3)


def test_transparency_is_put_on_white(tmp_path: Path) -> None:
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    assert tensor(save(tmp_path, "clear.png", clear), channels=3) == pytest.approx(1)


def test_the_camera_orientation_is_undone(tmp_path: Path) -> None:
    array = np.zeros((16, 16), dtype=np.uint8)
    array[:8] = 255
    turned = Image.Exif()
    turned[0x0112] = 3
    Image.fromarray(array).save(tmp_path / "turned.png", exif=turned)
    assert tensor(str(tmp_path / "turned.png"), size=16)[0, -1].min() == 1


def test_small_images_are_not_resampled(tmp_path: Path) -> None:
    digits = np.random.default_rng(1).integers(0, 255, (8, 8), dtype=np.uint8)
    path = save(tmp_path, "digit.png", digits)
    featuriser = modality.featuriser("image", {"p": [path]}, np.array([0]))
    assert isinstance(featuriser, ImageTensor)
    assert (featuriser.size, featuriser.channels) == (8, 1)
    assert tensor(path, size=8)[0] == pytest.approx(digits / 255, abs=1e-6)


@pytest.mark.parametrize(("side", "size"), [(5, 8), (28, 32), (100, 104), (300, 224)])
def test_the_size_is_a_multiple_of_eight_up_to_224(tmp_path: Path, side: int, size: int) -> None:
    path = save(tmp_path, "x.png", np.zeros((side, side), dtype=np.uint8))
    assert modality.featuriser("image", {"p": [path]}, np.array([0])).shape().shape == (1, size, size)


def test_colour_in_any_training_image_gives_three_channels_and_grey_rgb_files_one(tmp_path: Path) -> None:
    grey = save(tmp_path, "grey.png", np.dstack([COLOURS[..., 0]] * 3))
    paths = {"p": [grey, save(tmp_path, "colour.png")]}
    assert modality.featuriser("image", paths, np.array([0])).shape().shape[0] == 1
    assert modality.featuriser("image", paths, np.array([0, 1])).shape().shape[0] == 3


@pytest.mark.parametrize("side", [8_000, 12_000, 50_000])
def test_an_image_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    path = png_of(side, tmp_path / "bomb.png")
    errors = modality.clean({"p": [path]}, impute=False).errors
    assert "too large" in errors[0]
    assert "50,000,000" in errors[0]


def test_broken_files_are_the_error_of_their_row_alone(tmp_path: Path) -> None:
    good = save(tmp_path, "good.png")
    content = Path(good).read_bytes()
    cases = {
        "cut.png": content[: len(content) // 2],
        "corrupt.png": content[:60] + b"\0" * 30 + content[90:],
        "text.png": b"no image at all",
        "empty.png": b"",
    }
    for name, body in cases.items():
        (tmp_path / name).write_bytes(body)
    nan = save(tmp_path, "nan.tif", np.full((4, 4), np.nan, dtype=np.float32))
    paths = [good, *(str(tmp_path / name) for name in cases), nan, str(tmp_path / "gone.png"), str(tmp_path), "", good]
    cleaned = modality.clean({"p": paths}, impute=True)
    assert set(cleaned.errors) == set(range(1, len(paths) - 1))
    words = ["damaged", "damaged", "no image that can be read", "no image that can be read", "NaN", "no image file"]
    assert all(word in cleaned.errors[row] for row, word in enumerate(words, start=1))
    array, errors = ImageTensor(column="p", size=8, channels=3).transform({"p": paths})
    assert errors == cleaned.errors
    assert not array[1:-1].any()
    assert np.array_equal(array[0], array[-1])


def test_cleaning_reports_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    modality.clean(
        {"p": [save(tmp_path, "x.png")] * 5}, impute=False, tick=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (5, 5)


def test_copies_of_a_file_are_the_same_input(tmp_path: Path) -> None:
    paths = [save(tmp_path, "a.png"), save(tmp_path, "b.png"), save(tmp_path, "c.png", COLOURS[:10])]
    keys = modality.identity({"p": [*paths, "gone.png"]})
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_column_of_image_files_is_recognised(tmp_path: Path) -> None:
    path = save(tmp_path, "a.PNG")
    found = modality.recognise({"x": ["1", "2"], "file": [path, path]})
    assert found is not None
    assert found.columns == ("file",)
    gone = modality.recognise({"file": ["gone.png", "away.jpg"]})
    assert gone is not None
    assert gone.confidence < found.confidence
    assert modality.recognise({"url": ["https://example.org/a.png"]}) is None
    assert modality.recognise({"x": ["1", "2"]}) is None
    assert modality.recognise({}) is None


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(DataError, match="can be read"):
        modality.featuriser("image", {"p": ["gone.png"]}, np.array([0]))
    with pytest.raises(DataError, match="one column"):
        modality.identity({"a": ["x.png"], "b": ["y.png"]})


def test_a_featuriser_round_trips_through_json() -> None:
    featuriser = ImageTensor(column="p", size=8, channels=3, low=-1.5)
    assert ImageTensor.model_validate_json(featuriser.model_dump_json()) == featuriser
    assert featuriser.module().is_file()
