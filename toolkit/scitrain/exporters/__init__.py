"""Export formats. To add one, put a file here with a subclass of ``Exporter``."""

from scitrain.contracts.exporter import Exporter
from scitrain.discovery import load_plugins, plugins

load_plugins(__name__)

EXPORTERS: dict[str, Exporter] = {cls.format: cls() for cls in plugins(Exporter)}  # type: ignore[type-abstract]

__all__ = ["EXPORTERS"]
