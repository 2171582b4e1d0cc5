"""Find plug-ins: the public modules of a package, those other distributions register, and files named by the user."""

import os
import sys
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeVar, cast

__all__ = ["PLUGINS_VARIABLE", "load_plugins", "plugins"]

T = TypeVar("T")
PLUGINS_VARIABLE = "SCITRAIN_PLUGINS"
"""Modules, or paths of Python files, separated as in ``PATH``: plug-ins that are in no installed distribution."""


def load_plugins(package: str) -> None:
    """Import what defines plug-ins, so that their classes define themselves.

    These are every public module of ``package``, the entry points registered under its name, and the modules and files
    of ``SCITRAIN_PLUGINS`` (once a process, whichever package asks first).
    """
    for module in iter_modules(import_module(package).__path__):
        if not module.name.startswith("_"):
            import_module(f"{package}.{module.name}")
    for point in _registered().select(group=package):
        point.load()
    for name in filter(None, os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep)):
        _load_named(name)


def plugins(base: type[T]) -> list[type[T]]:
    """Return every concrete subclass of ``base`` defined so far, in the order of their definition."""
    found: list[type[T]] = []
    for cls in base.__subclasses__():
        if not getattr(cls, "__abstractmethods__", None):
            found.append(cls)
        found.extend(plugins(cls))
    return found


@lru_cache(maxsize=1)
def _registered() -> EntryPoints:
    """Return the entry points of all distributions; reading them takes 10 ms, and five registries ask."""
    return cast("EntryPoints", entry_points())  # typed as the deprecated mapping of groups


def _load_named(name: str) -> None:
    """Import a module by name, or a file by path under a name of its own."""
    if not name.endswith(".py"):
        import_module(name)
        return
    path = Path(name).expanduser().resolve()
    alias = _alias(path)
    if alias in sys.modules:
        return
    spec = spec_from_file_location(alias, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{PLUGINS_VARIABLE} names {name!r}, which is no Python file")
    module = module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        # Half a plug-in must not pass for a whole one when the next registry asks.
        del sys.modules[alias]
        raise


def _alias(path: Path) -> str:
    """Return the module name of a plug-in file; two files of one name in two folders get two."""
    alias = f"scitrain_plugin_{path.stem}"
    while alias in sys.modules and sys.modules[alias].__file__ != str(path):
        alias += "_"
    return alias
