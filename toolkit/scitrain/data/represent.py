"""Prepared rows as the array a network reads, cached beside them."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from scitrain.contracts.modality import Featuriser
from scitrain.data.prepared import Prepared
from scitrain.errors import DataError
from scitrain.workspace import Workspace

__all__ = ["represent"]


def represent(
    prepared: Prepared, featuriser: Featuriser, workspace: Workspace, tick: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """Return the array (n, …) of all prepared rows as a read-only memory map.

    Args:
        prepared: Rows; the array is kept in their folder.
        featuriser: How they are turned into numbers; the file's name is a hash of it and of its code.
        workspace: Where the folder lies.
        tick: Told (rows done, rows in all).

    Raises:
        DataError: A row cannot be represented; names the first.
    """
    folder = prepared.folder if prepared.folder.is_dir() else workspace.datasets / prepared.key
    target = folder / f"features-{_hash(featuriser)}.npy"
    if not target.is_file():
        features, errors = featuriser.transform(prepared.columns, tick)
        _refuse(prepared, errors)
        _save(target, features)
    array: np.ndarray = np.load(target, mmap_mode="r", allow_pickle=False)
    return array


def _hash(featuriser: Featuriser) -> str:
    """Return a hash of options, code and libraries: any of them changes the numbers."""
    digest = hashlib.sha256(
        json.dumps([type(featuriser).__name__, featuriser.model_dump(mode="json")], sort_keys=True).encode()
    )
    for path in (featuriser.module(), *featuriser.data_files()):
        digest.update(path.read_bytes())
    for name in featuriser.requirements:
        digest.update(f"{name} {_version(name)}".encode())
    return digest.hexdigest()[:16]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _refuse(prepared: Prepared, errors: Mapping[int, str]) -> None:
    if errors:
        first = min(errors)
        raise DataError(
            f"{len(errors):,} rows cannot be turned into numbers; the first is row {int(prepared.rows[first])} of the source: "
            f"{errors[first]}; take these rows out of the data"
        )


def _save(target: Path, array: np.ndarray) -> None:
    """Write so that a reader sees nothing or all of it; of two writers of the same array one wins."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
