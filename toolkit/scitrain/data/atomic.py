"""Folders that appear whole or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_folder"]


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Give a new folder beside ``target`` to write into, which takes its name at the end.

    Where another process was faster, its folder stays and this one is thrown away: both hold the same content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    new.mkdir()
    try:
        yield new
        if not target.exists():
            try:
                new.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
