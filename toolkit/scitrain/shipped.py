"""Folders that ship with the package but hold no Python: templates and skills."""

from pathlib import Path

__all__ = ["shipped"]


def shipped(name: str) -> Path:
    """Return the folder ``templates`` or ``skills``: inside an installed package, else beside the sources of a checkout."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parents[1] / name
