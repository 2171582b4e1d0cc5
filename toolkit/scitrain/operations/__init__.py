"""Everything the toolkit can do. To add an operation, put a file here with a subclass of ``Query`` or ``Job``."""

from scitrain.contracts.operation import Operation
from scitrain.discovery import load_plugins, plugins

load_plugins(__name__)

OPERATIONS: dict[str, type[Operation]] = {
    cls.name(): cls
    for cls in sorted(plugins(Operation), key=lambda cls: cls.name())  # type: ignore[type-abstract]  # only concrete ones are found
}

__all__ = ["OPERATIONS"]
