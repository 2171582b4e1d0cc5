"""Ways to execute a run. To add one, put a file here with a subclass of ``Executor``."""

from scitrain.contracts.executor import Executor
from scitrain.discovery import load_plugins, plugins

load_plugins(__name__)

EXECUTORS: dict[str, Executor] = {cls.name: cls() for cls in plugins(Executor)}  # type: ignore[type-abstract]  # only concrete ones are found

__all__ = ["EXECUTORS"]
