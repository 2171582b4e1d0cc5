"""Is the named data there? Asked before a run is made."""

from scitrain.errors import UnknownNameError
from scitrain.workspace import Workspace

__all__ = ["check_source"]


def check_source(source: str, workspace: Workspace) -> None:
    """Refuse data that cannot be there.

    Raises:
        UnknownNameError: No built-in set has that name.
        ScitrainError: No such file, or it may not be read.
    """
    from scitrain.data.builtin import NAMES, PREFIX

    if not source.startswith(PREFIX):
        workspace.readable(source)
    elif source.removeprefix(PREFIX) not in NAMES:
        raise UnknownNameError("built-in data set", source.removeprefix(PREFIX), list(NAMES))
