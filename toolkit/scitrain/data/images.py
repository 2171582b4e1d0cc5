"""Folders of images: a folder for each class, or an index file that names images."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scitrain.data.columns import TextColumn, text_column
from scitrain.data.source import Source
from scitrain.errors import DataError, PathNotAllowedError, ScitrainError, listed
from scitrain.workspace import Workspace

__all__ = ["IMAGE_ENDINGS", "index_file", "is_image_column", "read_folder", "resolve_images"]

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm")
SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "dev", "test"}
HASHED_BYTES = 2 << 30
"""Folders up to this size are identified by content, larger ones by the files' sizes and times."""


def index_file(folder: Path) -> Path | None:
    """Return the one table that lies in an image folder, or None.

    Raises:
        DataError: There are several.
    """
    tables = sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in {".csv", ".tsv", ".jsonl", ".parquet"} and not p.name.startswith(".")
    )
    if len(tables) > 1:
        raise DataError(
            f"{folder.name} holds several tables ({listed(p.name for p in tables)}); give the path of the one to use"
        )
    return tables[0] if tables else None


def read_folder(folder: Path, workspace: Workspace) -> Source:
    """Read a folder with a sub-folder for each class: columns ``image`` (path), ``label``, and ``split`` where folders say so.

    Raises:
        DataError: No image lies in it.
    """
    paths = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS and not p.name.startswith(".") and p.is_file()
    )
    if not paths:
        raise DataError(
            f"no image in {str(folder)!r} (endings looked for: {', '.join(IMAGE_ENDINGS)}); give a folder with a sub-folder of images "
            "for each class, or a CSV file with a column that names images"
        )
    for path in paths:
        _allowed(path, workspace)
    parts = [path.relative_to(folder).parts for path in paths]
    columns: dict[str, list[str]] = {"image": [str(path) for path in paths]}
    split = all(len(p) > 2 for p in parts) and {p[0].lower() for p in parts} <= SPLIT_FOLDERS
    if all(len(p) > 1 for p in parts):
        columns["label"] = [p[1 if split else 0] for p in parts]
    if split:
        columns["split"] = [p[0].lower() for p in parts]
    numbers = np.arange(1, len(paths) + 1)
    return Source(
        name=folder.name,
        columns={name: text_column(cells) for name, cells in columns.items()},
        rows=numbers,
        lines=numbers,
        fingerprint=folder_fingerprint(folder),
        place="image",
        folder=folder,
        default_target="label" if "label" in columns else None,
        notes=("labels are the names of the sub-folders",) if "label" in columns else (),
    )


def folder_fingerprint(folder: Path) -> str:
    """Return a hash of every image's name and content (above 2 GiB: name, size and time of the last change)."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS and p.is_file())
    by_content = sum(p.stat().st_size for p in paths) <= HASHED_BYTES
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes() if by_content else str(path.stat().st_mtime_ns).encode())
    return digest.hexdigest()


def is_image_column(cells: Sequence[str]) -> bool:
    """Tell whether most of some cells name image files."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(cell.strip().lower().endswith(IMAGE_ENDINGS) for cell in filled) >= 0.9 * len(filled)


def resolve_images(cells: TextColumn, folder: Path, workspace: Workspace) -> TextColumn:
    """Return the paths made absolute, from the folder of the file that names them.

    Raises:
        PathNotAllowedError: One leads out of the folders that may be read.
    """
    found = []
    for cell in cells:
        path = folder / cell.strip()
        found.append(str(_allowed(path, workspace)) if cell.strip() else "")
    return text_column(found)


def _allowed(path: Path, workspace: Workspace) -> Path:
    """Return the path; one that is missing is left to the modality, which names the row."""
    try:
        workspace.readable(path)
    except PathNotAllowedError:
        raise
    except ScitrainError:
        return path
    return path
