"""Find plug-ins: the public modules of a package, then those other distributions register."""

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TypeVar

__all__ = ["load_plugins", "plugins"]

T = TypeVar("T")


def load_plugins(package: str) -> None:
    """Import every public module of ``package`` and its registered entry points, so that their classes define themselves."""
    for module in iter_modules(import_module(package).__path__):
        if not module.name.startswith("_"):
            import_module(f"{package}.{module.name}")
    for point in entry_points(group=package):
        point.load()


def plugins(base: type[T]) -> list[type[T]]:
    """Return every concrete subclass of ``base`` defined so far, in the order of their definition."""
    found: list[type[T]] = []
    for cls in base.__subclasses__():
        if not getattr(cls, "__abstractmethods__", None):
            found.append(cls)
        found.extend(plugins(cls))
    return found
